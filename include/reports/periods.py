"""The day or month a report is about, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Self

_DAY = timedelta(days=1)
#: What is reckoned from a day between these stays a day.
_FIRST, _LAST = date(1970, 1, 1), date(2999, 12, 31)


class Kind(StrEnum):
    """How long the period of a report is."""

    DAILY = "daily"
    MONTHLY = "monthly"


class PeriodRefused(ValueError):
    """No day or month of this name, or one that has not begun."""


@dataclass(frozen=True, slots=True)
class Period:
    """A UTC day or calendar month.

    Attributes
    ----------
    first
        Its first day.
    """

    kind: Kind
    first: date

    @classmethod
    def parse(cls, kind: str, name: str) -> Self:
        """Of ``daily`` and ``2026-11-24``, or ``monthly`` and ``2026-11``.

        Raises
        ------
        PeriodRefused
            With what was expected.
        """
        if kind not in list(Kind):
            raise PeriodRefused(f"expected the kind daily or monthly, got {kind[:40]!r}")
        wanted = "2026-11-24" if kind == Kind.DAILY else "2026-11"
        try:
            first = date.fromisoformat(name if kind == Kind.DAILY else f"{name}-01")
        except ValueError:
            first = None  # type: ignore[assignment]
        made = None if first is None or not _FIRST <= first <= _LAST else cls(Kind(kind), first)
        if made is None or made.name != name:
            raise PeriodRefused(
                f"expected a {kind} period such as {wanted}, of {_FIRST.year} to {_LAST.year}, got {name[:40]!r}"
            )
        return made

    @classmethod
    def day(cls, first: date) -> Self:
        """One day."""
        return cls(Kind.DAILY, first)

    @classmethod
    def month(cls, within: date) -> Self:
        """The month a day is in."""
        return cls(Kind.MONTHLY, within.replace(day=1))

    @property
    def name(self) -> str:
        """``2026-11-24`` or ``2026-11``."""
        return f"{self.first:%Y-%m-%d}" if self.kind is Kind.DAILY else f"{self.first:%Y-%m}"

    @property
    def last(self) -> date:
        """Its last day."""
        if self.kind is Kind.DAILY:
            return self.first
        return (self.first.replace(day=28) + 4 * _DAY).replace(day=1) - _DAY

    @property
    def since(self) -> datetime:
        """When it begins."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)

    @property
    def until(self) -> datetime:
        """When it is over; excluded."""
        return datetime(self.last.year, self.last.month, self.last.day, tzinfo=UTC) + _DAY

    def days(self) -> Iterator[Period]:
        """Its days, in order."""
        for number in range((self.last - self.first).days + 1):
            yield Period.day(self.first + number * _DAY)
