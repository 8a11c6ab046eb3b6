"""Charts as geometry; ``templates/charts.html`` draws them and the style sheet colours them for both themes.

Unlike the charts of reports these are looked at with a pointer and a keyboard: every mark has its own words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from include.detection.reasons import catalogue_words
from plugins.fraud_desk.rendering import moment, money


@dataclass(frozen=True, slots=True)
class Tick:
    """A text at an axis."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One contribution."""

    words: str
    value: float
    x: float
    width: float
    y: float
    kind: str  # class of the style sheet


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars to both sides of a zero."""

    bars: tuple[Bar, ...]
    zero: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Dot:
    """One mark, and where a click on it leads."""

    x: float
    y: float
    radius: float
    words: str
    kind: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """Two axes with their ticks, and where they are."""

    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    left: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Of the drawing."""
        return self.right + 12

    @property
    def height(self) -> int:
        """Of the drawing."""
        return self.bottom + 22


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot(_Box):
    """Dots over time."""

    dots: tuple[Dot, ...]
    top: int


@dataclass(frozen=True, slots=True)
class Happened:
    """One transaction of a timeline."""

    at: datetime
    amount: Decimal
    currency: str
    words: str
    kind: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """What went between a centre and another: the input of a graph."""

    name: str
    count: int
    total: Decimal
    currency: str
    marked: bool
    path: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One line of a graph and the node at its end."""

    x: float
    y: float
    thickness: float
    anchor: str
    text_x: float
    text_y: float
    link: Link
    words: str


@dataclass(frozen=True, slots=True)
class Graph:
    """A centre and the others around it."""

    centre: str
    edges: tuple[Edge, ...]
    x: float
    y: float
    width: int
    height: int


def contributions(added: Mapping[str, float], values: Mapping[str, float]) -> Bars:
    """What each feature added to the model's log-odds, the strongest first, named by what it was."""
    order = sorted(added.items(), key=lambda item: -abs(item[1]))
    most = max([abs(value) for value in added.values()], default=0.0) or 1.0
    zero, reach = 300.0, 250.0
    bars = []
    for row, (name, value) in enumerate(order):
        length = abs(value) / most * reach
        words = catalogue_words(name, values.get(name, math.nan))
        kind = "bar-up" if value > 0 else "bar-down"
        bars.append(Bar(words, value, zero if value > 0 else zero - length, length, 6.0 + 40 * row, kind))
    return Bars(tuple(bars), zero, 600, 12 + 40 * len(bars))


def timeline(happened: Sequence[Happened], since: datetime, until: datetime, width: int = 760) -> Plot:
    """Amounts over time on a logarithmic scale, the marked ones drawn last."""
    left, top, right, bottom = 58, 10, width, 250
    amounts = [max(float(one.amount), 0.01) for one in happened] or [1.0]
    low, high = math.floor(math.log10(min(amounts))), math.ceil(math.log10(max(amounts)))
    high = max(high, low + 1)
    span = (until - since).total_seconds()

    def x(at: datetime) -> float:
        return left + (at - since).total_seconds() / span * (right - left)

    def y(amount: float) -> float:
        return bottom - (math.log10(max(amount, 0.01)) - low) / (high - low) * (bottom - top)

    dots = [
        Dot(
            round(x(one.at), 1),
            round(y(float(one.amount)), 1),
            {"this": 7.0, "alert": 5.0}.get(one.kind, 3.5),
            f"{moment(one.at)} UTC, {money(one.amount, one.currency)}, {one.words}",
            one.kind,
            one.path,
        )
        for one in sorted(happened, key=lambda one: (("", "alert", "this").index(one.kind), one.at))
        if since <= one.at <= until
    ]
    up = tuple(Tick(y(10.0**power), shortened(10.0**power)) for power in range(low, high + 1))
    return Plot(
        dots=tuple(dots), across=_days(since, until, x), up=up, left=left, top=top, right=right, bottom=bottom
    )


def graph(centre: str, links: Sequence[Link], most: int = 12) -> Graph:
    """The strongest links of an account or counterparty, thick by how often, the marked one among them."""
    order = sorted(links, key=lambda one: (not one.marked, -one.count, -one.total))[:most]
    width, height = 620, max(220, 44 + 30 * ((len(order) + 1) // 2))
    x, y = width / 2, height / 2
    largest = max([4, *(one.count for one in order)])
    edges = []
    for place, link in enumerate(order):
        on_right = place % 2 == 0
        of_side = (len(order) + (1 if on_right else 0)) // 2
        row = place // 2
        node_y = height * (row + 1) / (of_side + 1)
        node_x = width - 196 if on_right else 196
        edges.append(
            Edge(
                x=node_x,
                y=round(node_y, 1),
                thickness=round(1 + 6 * link.count / largest, 1),
                anchor="start" if on_right else "end",
                text_x=node_x + (14 if on_right else -14),
                text_y=round(node_y + 4, 1),
                link=link,
                words=f"{link.count} transaction{'' if link.count == 1 else 's'}, "
                f"{money(link.total, link.currency)} in total",
            )
        )
    return Graph(centre, tuple(edges), x, y, width, height)


def shortened(value: float) -> str:
    """A number for an axis, where there is little room: ``250``, ``0.01``, ``10k``, ``1.25M``."""
    for least, unit, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= least:
            return f"{value / unit:.3g}{letter}"
    return f"{value:g}" if value < 1 else f"{value:,.0f}"


def _days(since: datetime, until: datetime, x: Callable[[datetime], float]) -> tuple[Tick, ...]:
    days = max(1, math.ceil((until - since).days / 7))
    first = since.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    moments = [first + timedelta(days=days * place) for place in range(9)]
    return tuple(Tick(x(at), f"{at:%m-%d}") for at in moments if at <= until)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a chart by day."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns(_Box):
    """Columns from zero up."""

    columns: tuple[Column, ...]


def columns(
    of: Sequence[tuple[datetime, float, str]], width: int = 760, bottom: int = 200, label: str = "%m-%d"
) -> Columns:
    """A column for each moment, in their order, each with its own words; ``label`` is how moments are written."""
    left, top = 66, 10
    most = max([value for _, value, _ in of], default=0.0) or 1.0
    step = (width - left) / max(len(of), 1)
    every = max(1, math.ceil(len(of) / 8))
    drawn = [
        Column(
            round(left + place * step + step * 0.12, 1),
            round(bottom - value / most * (bottom - top), 1),
            round(min(step * 0.76, 40), 1),
            round(value / most * (bottom - top), 1),
            words,
        )
        for place, (_, value, words) in enumerate(of)
    ]
    across = tuple(
        Tick(drawn[place].x + drawn[place].width / 2, format(at, label))
        for place, (at, _, _) in enumerate(of)
        if place % every == 0
    )
    ticks = (Tick(bottom, "0"), Tick(top, shortened(most)))
    return Columns(columns=tuple(drawn), across=across, up=ticks, left=left, right=width, bottom=bottom)
