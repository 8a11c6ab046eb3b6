"""What a back-test found: figures from its counts, checks, and a place in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from include.pipeline.backtest import MILLION, Counts
from include.pipeline.backtest_replay import Order
from include.reports.checks import Bound, Check
from include.stores.lake.files import Lake
from include.stores.lake.names import BACKTESTS


@dataclass(frozen=True, slots=True)
class Found:
    """What hits, alerts or a typology came to.

    Attributes
    ----------
    hits
        Transactions.
    fraud, legitimate
        Of those the ones whose label was known.
    """

    hits: int
    fraud: int
    legitimate: int

    @property
    def precision(self) -> float | None:
        """Share of frauds among those with a label; None without any."""
        labelled = self.fraud + self.legitimate
        return self.fraud / labelled if labelled else None

    def recall(self, frauds: int) -> float | None:
        """Share of all known frauds; None without any."""
        return self.fraud / frauds if frauds else None


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the period, by the transactions' time; ``before`` is with the live set, ``after`` with the draft."""

    day: str
    transactions: int
    budget: float  # alerts that the models' thresholds aim at; rules come on top
    alerts_before: int
    alerts_after: int
    reviews_before: int
    reviews_after: int


@dataclass(frozen=True, slots=True)
class BacktestRecord:
    """One back-test."""

    backtest_id: str
    made_at: datetime
    as_of: datetime  # labels that had arrived by then count
    order: Order
    counts: Counts
    seconds: float
    engine: str  # "spark" or "process"

    @property
    def rows(self) -> int:
        """Transactions replayed."""
        return self.counts["rows",]

    @property
    def batches(self) -> int:
        """Batches they came from."""
        return self.counts["batches",]

    @property
    def differs(self) -> int:
        """Transactions on which the live set, replayed, says something else than it said then."""
        return self.counts["differs",]

    @property
    def differs_in(self) -> tuple[int, ...]:
        """The batches of those transactions."""
        return tuple(sorted(int(key[1]) for key in self.counts if key[0] == "differs in"))

    @property
    def frauds(self) -> int:
        """Transactions known to be fraud."""
        return self.counts["label", "fraud"]

    @property
    def days(self) -> tuple[Day, ...]:
        """Every day of the period with a transaction."""
        names = sorted({key[1] for key in self.counts if key[0] == "day"})
        return tuple(
            Day(
                day,
                self.counts["day", day, "transactions"],
                self.counts["day", day, "budget"] / MILLION,
                self.counts["day", day, "ALERT before"],
                self.counts["day", day, "ALERT after"],
                self.counts["day", day, "REVIEW before"],
                self.counts["day", day, "REVIEW after"],
            )
            for day in names
        )

    def hits_on(self, day: str, rule_id: str) -> int:
        """Hits of a rule on a day."""
        return self.counts["hits", day, rule_id]

    @property
    def rules(self) -> dict[str, Found]:
        """Every rule that hit, most hits first; the draft always."""
        return self._found("rule", self.order.rule_id if self.order.text else "")

    @property
    def typologies(self) -> dict[str, Found]:
        """Rows hit by any rule of a typology."""
        return self._found("typology")

    def alerts(self, when: str) -> Found:
        """All alerts, ``before`` or ``after``."""
        of = {what: self.counts["alerts", when, what] for what in ("all", "fraud", "legitimate")}
        return Found(of["all"], of["fraud"], of["legitimate"])

    def alone(self, rule_id: str) -> int:
        """Rows that a rule hit and no other."""
        return self.counts["rule", rule_id, "alone"]

    def both(self, one: str, other: str) -> int:
        """Rows that two rules hit; with itself: its hits."""
        if one == other:
            return self.counts["rule", one, "hits"]
        return self.counts["both", min(one, other), max(one, other)]

    @property
    def changes(self) -> dict[str, int]:
        """Decisions the draft changes, e.g. ``ALLOW → ALERT``."""
        return {f"{key[1]} → {key[2]}": n for key, n in sorted(self.counts.items()) if key[0] == "change"}

    @property
    def checks(self) -> tuple[Check, ...]:
        """What has to hold of a back-test for its figures to mean anything."""
        return (
            Check("transactions replayed", self.rows, Bound(">=", 1)),
            Check("decided otherwise than live, same versions", self.differs, Bound("==", 0)),
            Check("batches left out, their rule set is gone", self.counts["left out", "batches"]),
        )

    def document(self) -> dict[str, Any]:
        """As ``backtest.json`` has it."""
        period = {name: self._said(getattr(self.order, name)) for name in ("since", "until")}
        return {
            "id": self.backtest_id,
            "made_at": self.made_at.isoformat(),
            "labels_as_of": self.as_of.isoformat(),
            "period": period,
            "draft": {"rule_id": self.order.rule_id, "share": self.order.share, "text": self.order.text},
            "transactions": self.rows,
            "batches": self.batches,
            "seconds": round(self.seconds, 2),
            "engine": self.engine,
            "differs_in_batches": list(self.differs_in),
            "known": {what: self.counts["label", what] for what in ("fraud", "legitimate")},
            "days": [
                asdict(day) | {"hits": {rule: n for rule in self.rules if (n := self.hits_on(day.day, rule))}}
                for day in self.days
            ],
            "rules": {
                rule: self._figures(found) | {"alone": self.alone(rule)} for rule, found in self.rules.items()
            },
            "typologies": {name: self._figures(found) for name, found in self.typologies.items()},
            "alerts": {when: self._figures(self.alerts(when)) for when in ("before", "after")},
            "changes": self.changes,
            "overlap": {
                one: {other: n for other in self.rules if other != one and (n := self.both(one, other))}
                for one in self.rules
            },
            "checks": [check.document() for check in self.checks],
        }

    def _found(self, kind: str, always: str = "") -> dict[str, Found]:
        names = {key[1] for key in self.counts if key[0] == kind} | ({always} if always else set())
        found = {
            name: Found(*(self.counts[kind, name, what] for what in ("hits", "fraud", "legitimate")))
            for name in names
        }
        return dict(sorted(found.items(), key=lambda item: (-item[1].hits, item[0])))

    def _figures(self, found: Found) -> dict[str, Any]:
        return asdict(found) | {"precision": found.precision, "recall": found.recall(self.frauds)}

    def _said(self, moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat()


def write_record(lake: Lake, record: BacktestRecord, page: str) -> str:
    """Write data and page below ``backtests/<id>/``; the same id again replaces them. Returns the folder."""
    folder = f"{BACKTESTS}/{record.backtest_id}"
    lake.write_bytes(f"{folder}/backtest.html", page.encode())
    lake.write_json(f"{folder}/backtest.json", record.document())
    return folder


def read_document(lake: Lake, backtest_id: str) -> Mapping[str, Any] | None:
    """What ``backtest.json`` says, or None if there is no such back-test."""
    found: Mapping[str, Any] | None = lake.read_json(f"{BACKTESTS}/{backtest_id}/backtest.json")
    return found
