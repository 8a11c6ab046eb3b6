"""What a chaos run found: a table fault by outcome, checks, and the document ``reports/chaos.json``."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks.chaos.books import Book
from benchmarks.chaos.faults import Fault, Kind
from include.reports.checks import Bound, Check

_TOLD = 10  # entries of a book in the document
MEDIAN_SECONDS = 30.0
#: A standstill that lasts longer has to have raised an incident: a minute, and the next look of who watches.
INCIDENT_SECONDS = 100.0
#: Incidents that tell of a stop.
_OF_A_STOP = ("stalled-", "away-", "unwatched-", "no-history")


@dataclass(slots=True)
class Outcome:
    """A fault and what came after it.

    Attributes
    ----------
    seconds
        From the end of the fault until a transaction sent afterwards was through every stage; None if it
        never was.
    run_succeeded
        Of the run whose task was killed; None where there is none.
    lost, doubled
        Entries of all books about records that came after this fault and before the next.
    still
        Seconds, the longest of a stage that had something to do and did not get on, from the fault on.
    incidents
        Keys of those that were seen from then until all was as it was.
    without_history
        Batches that were decided without history meanwhile.
    """

    fault: Fault
    at: datetime
    seconds: float | None = None
    run_succeeded: bool | None = None
    detail: str = ""
    lost: int = 0
    doubled: int = 0
    still: float = 0.0
    incidents: list[str] = field(default_factory=list)
    without_history: int = 0

    @property
    def kept_silent(self) -> bool:
        """Whether the flow stood so long that an incident was due, and none told of it."""
        return self.still > INCIDENT_SECONDS and not any(key.startswith(_OF_A_STOP) for key in self.incidents)

    @property
    def decided_nothing(self) -> bool:
        """Whether the store of the past was away for long, and nothing was decided without it."""
        return self.fault.kind is Kind.OUTAGE and self.seconds is not None and not self.without_history

    @property
    def recovered(self) -> bool:
        """Whether all is as it was."""
        return self.seconds is not None and self.run_succeeded is not False

    def document(self) -> dict[str, Any]:
        """As the report has it."""
        return {
            **asdict(self),
            "fault": str(self.fault),
            "at": self.at.isoformat(),
            "recovered": self.recovered,
        }


@dataclass(slots=True)
class ChaosRecord:
    """A whole run."""

    seed: int
    rate: float
    produced: int
    confirmed: int
    outcomes: list[Outcome]
    books: list[Book]
    open_incidents: list[str] = field(default_factory=list)
    waiting: int = 0  # batches that are decided without history and were never scored
    problems: list[str] = field(default_factory=list)

    def attribute(self) -> None:
        """Write what is lost or doubled to the fault before it, where the moment is known."""
        starts = [one.at for one in self.outcomes]
        for book in self.books:
            for name, entries in (("lost", book.lost), ("doubled", book.doubled)):
                for _, at in entries:
                    if at is not None and (place := bisect_right(starts, at)):
                        outcome = self.outcomes[place - 1]
                        setattr(outcome, name, getattr(outcome, name) + 1)

    @property
    def recoveries(self) -> list[float]:
        """Seconds of those that recovered."""
        return [one.seconds for one in self.outcomes if one.seconds is not None]

    @property
    def checks(self) -> list[Check]:
        """What must hold."""
        zero = Bound("==", 0)
        times = self.recoveries
        return [
            Check("faults", len(self.outcomes), Bound(">=", 1)),
            Check("faults the flow recovered from", sum(one.recovered for one in self.outcomes),
                  Bound("==", len(self.outcomes))),
            Check("median recovery, seconds", round(median(times), 1) if times else None,
                  Bound("<=", MEDIAN_SECONDS)),
            Check("longest recovery, seconds", round(max(times), 1) if times else None),
            Check("records produced", self.produced, Bound(">=", 1)),
            Check("confirmed by the brokers and not in the topic", max(0, self.confirmed - self.produced), zero),
            Check("lost, in all stores together", sum(len(book.lost) for book in self.books), zero),
            Check("doubled, in all stores together", sum(len(book.doubled) for book in self.books), zero),
            Check("different, in all stores together", sum(len(book.differs) for book in self.books), zero),
            Check("longest standstill, seconds", round(max((one.still for one in self.outcomes), default=0.0), 1)),
            Check("long standstills without an incident", sum(one.kept_silent for one in self.outcomes), zero),
            Check("incidents that nothing cleared", len(self.open_incidents), zero),
            Check("long outages of the store in which nothing was decided",
                  sum(one.decided_nothing for one in self.outcomes), zero),
            Check("batches still decided without history", self.waiting, zero),
            Check("problems", len(self.problems), zero),
        ]  # fmt: skip

    def document(self) -> dict[str, Any]:
        """All but the checks."""
        return {
            "seed": self.seed,
            "rate": self.rate,
            "problems": self.problems,
            "open_incidents": self.open_incidents,
            "still_without_history": self.waiting,
            "faults": [one.document() for one in self.outcomes],
            "books": [
                {
                    "store": book.store,
                    "expected": book.expected,
                    "lost": len(book.lost),
                    "doubled": len(book.doubled),
                    "differs": len(book.differs),
                    "entries": [name for name, _ in (*book.lost, *book.doubled)][:_TOLD]
                    + book.differs[:_TOLD],
                }
                for book in self.books
            ],
        }

    def faults_table(self) -> Table:
        """Fault × outcome."""
        columns = ("fault", "times", "recovered", "lost", "doubled", "incidents", "median s", "longest s")
        table = Table(*columns, title="Faults")
        by_fault: dict[str, list[Outcome]] = {}
        for one in self.outcomes:
            by_fault.setdefault(str(one.fault), []).append(one)
        for name, ones in sorted(by_fault.items()):
            times = [one.seconds for one in ones if one.seconds is not None]
            table.add_row(
                name, str(len(ones)), str(sum(one.recovered for one in ones)),
                str(sum(one.lost for one in ones)), str(sum(one.doubled for one in ones)),
                str(sum(bool(one.incidents) for one in ones)),
                f"{median(times):.1f}" if times else "never", f"{max(times):.1f}" if times else "never",
            )  # fmt: skip
        return table

    def books_table(self) -> Table:
        """Store × outcome."""
        table = Table("store", "expected", "lost", "doubled", "different", title="Books")
        for book in self.books:
            numbers: Sequence[int] = (book.expected, len(book.lost), len(book.doubled), len(book.differs))
            table.add_row(book.store, *(f"{n:,}" for n in numbers))
        return table
