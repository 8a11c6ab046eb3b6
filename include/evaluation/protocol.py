"""Folds: train some days, skip the days whose labels have not come, test some days.

After the protocol of the Fraud Detection Handbook (Le Borgne, Siblini, Lebichot, Bontempi 2022, chapter
5): on each test day the cards whose fraud was known by then are left out, for they would be blocked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from include.evaluation.dataset import DAY_US, LabelledData
from include.evaluation.errors import FoldRefused

Rows = npt.NDArray[np.intp]
_EPOCH = date(1970, 1, 1)


class History(StrEnum):
    """What a model may be trained on; features look further back in both."""

    STRICT = "strict"  # the days of training only
    OPEN = "open"  # and everything before them


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a fold is cut; a setting for all folds, never for one."""

    train_days: int = 7
    delay_days: int = 7
    test_days: int = 7
    history: History = History.STRICT


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold's rows."""

    start: date  # first day of training
    train: Rows  # in the order of time
    test: Rows
    tested_from: int  # microseconds since 1970 UTC: when the model is trained


def cut(data: LabelledData, start: date, protocol: Protocol) -> Fold:
    """Cut a fold.

    Raises
    ------
    FoldRefused
        Training or test days have no transactions or no frauds.
    """
    first = (start - _EPOCH).days
    end = first + protocol.train_days
    tested = end + protocol.delay_days
    begin = first if protocol.history is History.STRICT else data.day.min()
    train = np.flatnonzero((data.day >= begin) & (data.day < end))
    test = np.concatenate(
        [_open_cards(data, first, day, protocol) for day in range(tested, tested + protocol.test_days)]
    )
    last = start + timedelta(days=tested + protocol.test_days - first - 1)
    if data.day.max() < tested + protocol.test_days - 1 or not (
        data.fraud[train].any() and data.fraud[test].any()
    ):
        raise FoldRefused(
            f"expected transactions and frauds from {start} to {last}, got {len(train):,} rows to train on "
            f"and {len(test):,} to test on in data up to {_EPOCH + timedelta(days=int(data.day.max()))}; "
            "choose other FOLDS"
        )
    return Fold(start, train[np.argsort(data.time[train], kind="stable")], test, tested * DAY_US)


def _open_cards(data: LabelledData, first: int, day: int, protocol: Protocol) -> Rows:
    """Transactions of a day, of cards no fraud since the start of training is known of by its morning."""
    known = data.fraud & (data.day >= first) & (data.day < day - protocol.delay_days)
    blocked = np.unique(data.card[known])
    rows = np.flatnonzero(data.day == day)
    return rows[~np.isin(data.card[rows], blocked)]


def days_of(data: LabelledData, rows: Rows) -> list[Rows]:
    """Positions in ``rows`` day by day."""
    order = np.argsort(data.day[rows], kind="stable")
    edges = np.flatnonzero(np.diff(data.day[rows][order])) + 1
    return [order[a:b] for a, b in pairwise([0, *edges.tolist(), len(rows)])]
