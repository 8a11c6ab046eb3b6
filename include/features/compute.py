"""The one implementation of features: live scoring, training, back-tests and replay all call it.

A transaction's features depend on what happened strictly before it in event time (equal times in
the order of the hash of the transaction's id: total, and the same whatever the order of arrival),
including earlier transactions of the same batch wherever they stand in it.

A late event takes its place in time: it sees what was before it, as far as that is still kept, and
later transactions of *later* batches see it. Those scored already are not scored again. One older
than the retention is computed on what there is and then not kept.

A fraud label counts from the moment it was known, see :mod:`include.features.labels`. One that comes
with a later batch than it could have is treated like a late event.

Amounts are added as they are, whatever their currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from include.features.account import account_features
from include.features.buckets import RECENT_EVENTS
from include.features.catalogue import FEATURE_NAMES
from include.features.counterparty import counterparty_features
from include.features.labels import Labels
from include.features.moment import moment_features
from include.features.packing import ACCOUNT, COUNTERPARTY
from include.features.timeline import Timeline, Told, event_records
from include.features.transactions import KeyColumn, Transactions
from include.features.windows import Float
from include.features.writing import new_states

States = Mapping[str, Mapping[str, bytes]]

#: The kinds of state, as :class:`include.stores.ports.StateStore` names them.
KINDS = (ACCOUNT.kind, COUNTERPARTY.kind)


@dataclass(frozen=True)
class FeatureResult:
    """What a batch gives."""

    features: pa.Table  # float64 columns FEATURE_NAMES, row i belongs to row i of the batch
    states: dict[str, dict[str, bytes]]  # kind → key → new state, of every key touched


def keys_of(batch: pa.Table, labels: pa.Table | None = None) -> dict[str, list[str]]:
    """Distinct keys of a batch and its labels by kind: whose states :func:`compute` wants."""
    columns, told = Transactions.of(batch), Labels.of(labels)
    return {
        ACCOUNT.kind: columns.account.keys,
        COUNTERPARTY.kind: list(dict.fromkeys(columns.counterparty.keys + told.counterparty.keys)),
    }


def compute(
    batch: pa.Table, states: States, recent_events: int = RECENT_EVENTS, labels: pa.Table | None = None
) -> FeatureResult:
    """Features of a batch of transactions, and the states after it.

    Parameters
    ----------
    batch
        ``TRANSACTION_SCHEMA`` or ``ACCEPTED_SCHEMA``, any order, each transaction once.
    states
        Kind → key → state before the batch; a key without one has no past.
    recent_events
        Events of a key kept one by one; see :mod:`include.features.buckets`.
    labels
        What has become known since the batch before, ``JOINED_LABEL_SCHEMA``, any order; a label that
        comes twice counts once.

    Raises
    ------
    FeatureInputError
        The table is not a batch of valid transactions, or of joined labels.
    StateFormatError
        A state was not written by this version.
    """
    columns, news = Transactions.of(batch), Labels.of(labels)
    if not (len(columns) or len(news)):
        return FeatureResult(table_of({}), {kind: {} for kind in KINDS})
    account = Timeline.merge(
        ACCOUNT,
        columns.account,
        states.get(ACCOUNT.kind, {}),
        event_records(
            ACCOUNT,
            columns,
            other=columns.counterparty.hashes,
            device=columns.device,
            country=columns.country,
            type=columns.type,
        ),
        recent_events,
    )
    found = moment_features(columns) | account_features(columns, account)
    payees, told = _together(columns.counterparty, news)
    ratio = found["amount_over_account_median"]
    counterparty = Timeline.merge(
        COUNTERPARTY,
        payees,
        states.get(COUNTERPARTY.kind, {}),
        event_records(COUNTERPARTY, columns, other=columns.account.hashes, ratio=ratio),
        recent_events,
        told,
    )
    found |= counterparty_features(counterparty)
    return FeatureResult(
        table_of(found),
        {ACCOUNT.kind: new_states(account), COUNTERPARTY.kind: new_states(counterparty)},
    )


def without_past(batch: pa.Table) -> pa.Table:
    """Features of a batch whose states cannot be read: what a transaction says by itself, and NaN for the rest."""
    columns = Transactions.of(batch)
    unknown = np.full(len(columns), np.nan)
    return table_of(dict.fromkeys(FEATURE_NAMES, unknown) | moment_features(columns))


def _together(column: KeyColumn, labels: Labels) -> tuple[KeyColumn, Told]:
    """Counterparties of the batch, then those only labels speak of."""
    position = {key: at for at, key in enumerate(column.keys)}
    named = labels.counterparty
    where = np.array([position.setdefault(key, len(position)) for key in named.keys], dtype=np.int64)
    return KeyColumn(list(position), column.row, column.hashes), Told(where[named.row], labels.records)


def table_of(found: Mapping[str, Float]) -> pa.Table:
    """Columns in the order of the catalogue; no rows if nothing is given."""
    return pa.table({name: pa.array(found.get(name, ()), pa.float64()) for name in FEATURE_NAMES})
