"""Changes put into history from a day on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.adaptation.errors import StudyRefused
from include.adaptation.study.settings import StudySettings
from include.evaluation.dataset import DAY_US, LabelledData
from include.transactions.schema import AMOUNT, TRANSACTION_SCHEMA

#: What the frauds of the new modus operandi are called.
BURST = "burst"

#: History, settings, seed → changed history.
Change = Callable[[LabelledData, StudySettings, int], LabelledData]

_EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def nothing(data: LabelledData, settings: StudySettings, seed: int) -> LabelledData:
    """(c) History as it was."""
    return data


def inflated_amounts(data: LabelledData, settings: StudySettings, seed: int) -> LabelledData:
    """(b) Every amount from the onset on times a factor, frauds' too."""
    amounts = data.transactions["amount"].cast(pa.float64()).to_numpy()
    changed = data.day >= day_number(settings.onset)
    raised = np.where(changed, np.round(amounts * settings.amount_factor, 2), amounts)
    at = TRANSACTION_SCHEMA.get_field_index("amount")
    column = pc.round(pa.array(raised), 2).cast(AMOUNT, safe=False)
    return replace(data, transactions=data.transactions.set_column(at, "amount", column))


def new_modus_operandi(data: LabelledData, settings: StudySettings, seed: int) -> LabelledData:
    """(a) Each day some customers start a run of bursts: several ordinary payments within minutes.

    Amounts, counterparties and times of day are drawn from the customer's own honest past, so no single payment
    stands out; only their pace does.

    Raises
    ------
    StudyRefused
        There is no customer with a past before the onset.
    """
    rng = np.random.default_rng(seed)
    onset = day_number(settings.onset)
    past = np.flatnonzero((data.day < onset) & ~data.fraud)
    order = past[np.argsort(data.card[past], kind="stable")]
    cards, start, count = np.unique(data.card[order], return_index=True, return_counts=True)
    able = count >= settings.burst_payments
    start, count = start[able], count[able]
    if len(cards[able]) < settings.burst_customers:
        raise StudyRefused(
            f"expected at least {settings.burst_customers} customers with {settings.burst_payments} honest payments "
            f"before {settings.onset}, got {len(cards[able])}; use a longer history or a later onset"
        )
    like: list[int] = []  # row each new payment is drawn from
    times: list[int] = []
    last = int(data.day.max())
    for first in range(onset, last + 1):
        for who in rng.choice(len(start), settings.burst_customers, replace=False).tolist():
            own = order[start[who] : start[who] + count[who]]
            for day in range(first, min(first + settings.burst_days, last + 1)):
                rows = rng.choice(own, settings.burst_payments, replace=False)
                span = settings.burst_minutes * 60_000_000
                begin = min(int(data.time[rng.choice(own)] % DAY_US), DAY_US - span - 1)
                like += rows.tolist()
                times += np.sort(day * DAY_US + begin + rng.integers(0, span, len(rows))).tolist()
    return _with(data, np.array(like), np.array(times))


def _with(data: LabelledData, like: np.ndarray, times: np.ndarray) -> LabelledData:
    """Add frauds that look like rows of the past."""
    ids = pa.array([f"{BURST}-{number}" for number in range(len(like))])
    added = data.transactions.take(pa.array(like))
    names = added.column_names
    added = added.set_column(names.index("transaction_id"), "transaction_id", ids)
    moments = pa.array(times).cast(TRANSACTION_SCHEMA.field("occurred_at").type)
    added = added.set_column(names.index("occurred_at"), "occurred_at", moments)
    truth = pa.table(
        [ids, added["account_id"], [True] * len(like), [BURST] * len(like)], schema=data.truth.schema
    )
    return LabelledData(
        pa.concat_tables([data.transactions, added]), pa.concat_tables([data.truth, truth]), data.delay
    )


def in_order(data: LabelledData) -> LabelledData:
    """The same rows in the order of time, so that a day is a slice."""
    order = pa.array(np.argsort(data.time, kind="stable"))
    return LabelledData(data.transactions.take(order), data.truth.take(order), data.delay)


#: Every change by the letter and name reports have.
CHANGES: dict[str, Change] = {
    "a new modus operandi": new_modus_operandi,
    "b amounts inflated": inflated_amounts,
    "c nothing": nothing,
}
