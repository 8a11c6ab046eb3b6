"""What a document shows, before it becomes a page or a PDF: both show the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from include.reports.charts import Chart

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts.

    Attributes
    ----------
    texts
        As many columns from the left hold texts; the others hold figures and stand to the right.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1
    note: str = ""
    title: str = ""
    widths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that is read first."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A part with a heading."""

    title: str
    words: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole document."""

    title: str
    about: tuple[str, ...]
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    warnings: tuple[str, ...] = ()
    foot: str = ""


def count(number: int) -> str:
    """With thousands apart."""
    return f"{number:,}"


def percent(share: float | None) -> str:
    """A share, or a dash."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def money(amount: Decimal, currency: str) -> str:
    """An exact amount: two decimals, and more if it has more."""
    exact = amount.normalize()
    places = max(2, -int(exact.as_tuple().exponent))
    return f"{exact:,.{places}f} {currency}"


def sums(amounts: dict[str, Decimal]) -> str:
    """One line a currency."""
    return "\n".join(money(amount, currency) for currency, amount in amounts.items()) or NOTHING


def duration(seconds: float | None) -> str:
    """In the unit one would say it in."""
    if seconds is None:
        return NOTHING
    for unit, length, until in (("s", 1, 120), ("min", 60, 7_200), ("h", 3_600, 172_800)):
        if seconds < until:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 86_400:.1f} d"


def moment(at: datetime | None) -> str:
    """UTC, to the minute."""
    return NOTHING if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def words(name: str) -> str:
    """A name of ours as one says it: ``account_takeover`` as ``account takeover``."""
    return name.replace("_", " ")


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    texts: int = 1,
    note: str = "",
    title: str = "",
    widths: Sequence[int] = (),
) -> Table:
    """A table of any sequences."""
    return Table(tuple(header), tuple(map(tuple, rows)), texts, note, title, tuple(widths))
