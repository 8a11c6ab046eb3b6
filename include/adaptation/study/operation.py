"""A model in use: it decides on a day, is watched like the live one, and is replaced."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from include.adaptation.drift import (
    Alarm,
    Outcome,
    OutcomeLog,
    Reference,
    Summary,
    carry_on,
    outcomes_of,
    summarise,
    watch,
)
from include.adaptation.recalibration import Scores, recalibrated, scores_of
from include.adaptation.study.settings import StudySettings
from include.detection.bundle import ModelBundle
from include.detection.decision import Decision, DecisionPolicy, decide
from include.detection.training import train
from include.evaluation.dataset import DAY_US, LabelledData
from include.transactions.labels import LABEL_SCHEMA

Floats = npt.NDArray[np.float64]
_LEVELS = np.array([level.name for level in Decision], dtype=object)


@dataclass(frozen=True)
class History:
    """Changed history in the order of time, with its features."""

    data: LabelledData
    features: pa.Table

    def rows(self, first: int, last: int) -> slice:
        """Rows of the days from ``first`` to before ``last``."""
        return slice(*np.searchsorted(self.data.day, [first, last]).tolist())

    def features_of(self, rows: slice) -> pa.Table:
        """Features of some rows."""
        return self.features.slice(rows.start, rows.stop - rows.start)

    def transactions_of(self, rows: slice) -> pa.Table:
        """Transactions of some rows."""
        return self.data.transactions.slice(rows.start, rows.stop - rows.start)

    def amounts_of(self, rows: slice) -> Floats:
        """Amounts of some rows."""
        return np.asarray(self.features["amount_value"].to_numpy()[rows])

    def labels_of_day(self, day: int, moment: int) -> pa.Table:
        """The frauds of a day as labels, if they can be known by a moment (microseconds).

        Raises
        ------
        LeakFound
            They can not.
        """
        rows = self.rows(day, day + 1)
        at = np.arange(rows.start, rows.stop)
        frauds = at[self.data.known_at(at, moment)]
        chosen = self.data.transactions.take(pa.array(frauds))
        known = pa.array(self.data.time[frauds] + self.data.delay).cast(
            LABEL_SCHEMA.field("labelled_at").type
        )
        count = len(frauds)
        return pa.table(
            [
                chosen["transaction_id"],
                chosen["account_id"],
                [True] * count,
                ["CHARGEBACK"] * count,
                known,
            ],
            schema=LABEL_SCHEMA,
        )


def moment_of(day: int) -> datetime:
    """The midnight UTC a day begins with."""
    return datetime.fromtimestamp(day * DAY_US / 1e6, UTC)


def trained(history: History, day: int, settings: StudySettings, seed: int, train_days: int) -> ModelBundle:
    """Train at the beginning of a day, on so many of the days that are labelled by then."""
    end = day - settings.label_delay_days
    rows = history.rows(end - train_days, end)
    at = np.arange(rows.start, rows.stop)
    return train(
        history.features_of(rows),
        history.data.known_at(at, day * DAY_US),
        history.data.time[at].astype("datetime64[us]"),
        history.amounts_of(rows),
        settings=replace(settings.training, seed=seed),
        created_at=moment_of(day),
    )


@dataclass(frozen=True)
class Day:
    """What was decided on a day."""

    day: int
    rows: slice
    scores: Scores
    decision: npt.NDArray[np.int8]
    policy: DecisionPolicy


@dataclass
class Operation:
    """The model in use and everything that watches it.

    Only what the live monitor has goes in: scored rows the same day, labels once they are known.
    """

    history: History
    settings: StudySettings
    watched: bool = True
    bundle: ModelBundle | None = None
    promoted: int = 0  # day
    reference: Reference | None = None
    summaries: list[Summary] = field(default_factory=list)
    log: OutcomeLog = field(default_factory=OutcomeLog)
    alarms: list[Alarm] = field(default_factory=list)
    _scored: dict[int, pa.Table] = field(default_factory=dict)  # by day, until its labels are in

    def promote(self, bundle: ModelBundle, day: int) -> None:
        """Put a model to use from a day on; thresholds and reference are of the days before it."""
        rows = self.history.rows(day - self.settings.reference_days, day)
        features, amounts = self.history.features_of(rows), self.history.amounts_of(rows)
        self.bundle, self.promoted = recalibrated(bundle, features, amounts), day
        if self.watched:
            table = self._table(rows, *self._decided(rows))
            self.reference = Reference.learn(table, self.settings.drift, bundle.version)
            self.summaries, self.alarms = [], []

    def recalibrate(self, since: datetime, day: int) -> None:
        """Find thresholds for the days since a moment, up to a day; at most as many as a reference has."""
        first = max(int(since.timestamp() * 1e6) // DAY_US, day - self.settings.reference_days)
        rows = self.history.rows(min(first, day - 1), day)
        bundle = self._in_use()
        self.bundle = recalibrated(bundle, self.history.features_of(rows), self.history.amounts_of(rows))

    def decide(self, day: int) -> Day:
        """Decide on a day's transactions, and count them."""
        rows = self.history.rows(day, day + 1)
        scores, decision = self._decided(rows)
        if self.watched and self.reference is not None:
            table = self._table(rows, scores, decision)
            self.summaries += summarise(self.reference, table)
            self._scored[day] = table.drop_columns(["features"])
        return Day(day, rows, scores, decision, self._in_use().policy)

    def look(self, day: int) -> list[Alarm]:
        """Look at the beginning of a day: at what was scored and labelled before it."""
        reference = self.reference
        if reference is None:
            return []
        self.log = self.log.add(self._labelled(day), self.settings.drift.missed_kept)
        own = self.log.since(moment_of(self.promoted))
        found = watch(reference, self.summaries, own, moment_of(day), self.settings.drift)
        self.alarms = carry_on(self.alarms, found)
        return self.alarms

    def _labelled(self, day: int) -> list[Outcome]:
        """Outcomes that became known on the day before."""
        of = day - 1 - self.settings.label_delay_days
        scored = self._scored.pop(of, None)
        if scored is None:
            return []
        # Of rows scored by an earlier model the reference says nothing; the log leaves those out.
        return outcomes_of(scored, self.history.labels_of_day(of, day * DAY_US), self.reference)

    def _decided(self, rows: slice) -> tuple[Scores, npt.NDArray[np.int8]]:
        bundle = self._in_use()
        scores = scores_of(bundle, self.history.features_of(rows))
        amounts = self.history.amounts_of(rows)
        decided = decide(bundle.policy, scores.probability, scores.anomalies, [()] * len(amounts), amounts)
        return scores, decided.decision

    def _table(self, rows: slice, scores: Scores, decision: npt.NDArray[np.int8]) -> pa.Table:
        """As ``score_batch`` would have it, as far as drift looks at it."""
        features = self.history.features_of(rows)
        struct = pa.StructArray.from_arrays(
            [features[name].combine_chunks() for name in features.column_names], names=features.column_names
        )
        return (
            self.history.transactions_of(rows)
            .append_column("features", struct)
            .append_column("decision", pa.array(_LEVELS[decision], pa.string()))
            .append_column("score", pa.array(scores.probability))
        )

    def _in_use(self) -> ModelBundle:
        if self.bundle is None:
            raise ValueError("expected a model in use; call promote first")
        return self.bundle
