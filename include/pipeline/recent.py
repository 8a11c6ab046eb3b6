"""The newest transactions, with the features live scoring used: what drift and thresholds are held against."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from include.detection.bundle import ModelBundle
from include.detection.scored import features_of, scored_schema
from include.detection.scoring import Rules, score_batch
from include.features.catalogue import FEATURE_NAMES
from include.governance.shares import in_share
from include.pipeline.known_labels import histories
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from include.transactions.schema import ACCEPTED_SCHEMA, TRANSACTION_SCHEMA


def rescored(lake: Lake, bundle: ModelBundle, rules: Rules, length: timedelta, max_rows: int) -> pa.Table:
    """Scored table of the newest transactions, by a model of one's choice; nothing of it is stored or acted on.

    Parameters
    ----------
    length, max_rows
        See ``recent``.

    Returns
    -------
    pyarrow.Table
        ``scored_schema()``.
    """
    table = recent(lake, length, max_rows)
    if not table.num_rows:
        return scored_schema().empty_table()
    features = table.select(list(FEATURE_NAMES))
    return score_batch(table.select(ACCEPTED_SCHEMA.names), features, bundle, rules, datetime.now(UTC))


def recent(lake: Lake, length: timedelta, max_rows: int) -> pa.Table:
    """The newest transactions, from scored batches and, where these do not reach, the histories.

    Parameters
    ----------
    length
        How far back from the newest transaction.
    max_rows
        About so many at most; of more, a share of the accounts is taken, with all of their transactions.

    Returns
    -------
    pyarrow.Table
        ``ACCEPTED_SCHEMA``, and a float64 column for each feature.
    """
    parts: list[pa.Table] = []
    newest, share, rows = None, 1.0, 0
    for part in _newest_first(lake):
        latest = pc.max(part["occurred_at"]).as_py()
        newest = newest or latest
        if latest < newest - length:
            break
        parts.append(_of_share(part.filter(pc.greater_equal(part["occurred_at"], newest - length)), share))
        rows += parts[-1].num_rows
        if rows > 2 * max_rows:
            # Half of the accounts: who is in a share is in every larger one, so what was left out stays out.
            share /= 2
            parts = [_of_share(kept, share) for kept in parts]
            rows = sum(kept.num_rows for kept in parts)
    if not parts:
        features = pa.schema([pa.field(name, pa.float64()) for name in FEATURE_NAMES])
        return pa.schema([*ACCEPTED_SCHEMA, *features]).empty_table()
    table = pa.concat_tables(parts)
    return _of_share(table, share * max_rows / table.num_rows) if table.num_rows > max_rows else table


def _of_share(table: pa.Table, share: float) -> pa.Table:
    return table.filter(pa.array(in_share(table["account_id"], share, salt="recent"))) if share < 1 else table


def _newest_first(lake: Lake) -> Iterator[pa.Table]:
    """Accepted columns and features: batches from the newest back, then the histories."""
    names = [*ACCEPTED_SCHEMA.names, *FEATURE_NAMES]
    for batch in reversed(range(BatchLedger(lake).cursor(Stage.SCORED).next_batch)):
        path = scored_file(batch)
        if not lake.exists(path):
            break  # retention took it and all before
        scored = lake.read_table(path, [*ACCEPTED_SCHEMA.names, "features"])
        features = features_of(scored).select(list(FEATURE_NAMES))
        columns = [*(scored[name] for name in ACCEPTED_SCHEMA.names), *features.columns]
        if scored.num_rows:
            yield pa.table(columns, names=names)
    for path in histories(lake):
        history = lake.read_table(path, [*TRANSACTION_SCHEMA.names, *FEATURE_NAMES])
        # A history did not come through Kafka.
        n = history.num_rows
        nowhere = {"kafka_partition": pa.array([0] * n, pa.int32()), "kafka_offset": pa.array(range(n))}
        columns = [
            history[name] if name in history.column_names else nowhere.get(name, history["occurred_at"])
            for name in names
        ]
        yield pa.table(columns, names=names)
