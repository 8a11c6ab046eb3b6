"""Charts as SVG: no plotting library is needed for a few lines in a box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

COLOURS = ("#1b6ca8", "#c8553d", "#588157", "#7b5ea7", "#a06a00", "#3a7d7c", "#8d3b72", "#555555")
_MARK = "#b00020"
_QUIET = "#777777"
_DAY = 86_400.0
_DASH = 6.0


@dataclass(frozen=True, slots=True)
class Series:
    """One curve, in the units of its chart."""

    name: str
    across: Sequence[float]
    up: Sequence[float]
    colour: str = COLOURS[0]


@dataclass(frozen=True, slots=True)
class Tick:
    """A text at an axis."""

    place: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a chart, drawn."""

    colour: str
    points: str  # as the attribute of an SVG polyline has them


@dataclass(frozen=True, slots=True)
class Mark:
    """A dashed line."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle; ``words`` says what it stands for, in full."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the legend."""

    name: str
    colour: str


@dataclass(frozen=True)
class Chart:
    """A box with curves in it, in pixels."""

    title: str
    across: str
    up: str
    lines: tuple[Line, ...]
    across_ticks: tuple[Tick, ...]
    up_ticks: tuple[Tick, ...]
    legend: tuple[Entry, ...]
    marks: tuple[Mark, ...] = ()
    width: int = 280
    height: int = 280
    left: int = 58
    top: int = 28
    bars: tuple[Bar, ...] = ()

    @property
    def bottom(self) -> int:
        """Lower edge of the box."""
        return self.top + self.height

    @property
    def total_width(self) -> int:
        """Of the whole drawing."""
        return self.left + self.width + 40

    @property
    def total_height(self) -> int:
        """Of the whole drawing."""
        return self.bottom + 44 + 16 * len(self.legend)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From the units of a chart to pixels."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)


def unit_chart(title: str, across: str, up: str, series: Sequence[Series]) -> Chart:
    """Curves in a box from 0 to 1 both ways."""
    return _chart(title, across, up, series, (0.0, 1.0), (0.0, 1.0), 280, (), ())


def share_chart(title: str, across: str, up: str, series: Sequence[Series]) -> Chart:
    """Curves of a share (0 to 1) over a quantity that begins at zero."""
    most = max((value for one in series for value in one.across), default=1.0)
    return _chart(title, across, up, series, (0.0, most or 1.0), (0.0, 1.0), 440, (), ())


def day_chart(
    title: str,
    up: str,
    series: Sequence[Series],
    moments: Sequence[tuple[str, datetime]] = (),
    levels: Sequence[tuple[str, float]] = (),
    width: int = 440,
) -> Chart:
    """Curves over time, from zero up.

    Parameters
    ----------
    title, up
        What it is, and what is measured.
    series
        ``across`` are POSIX seconds.
    moments, levels
        Named moments (upright) and values (lying) to mark.
    width
        Of the box, pixels.
    """
    days = [value for one in series for value in one.across] + [at.timestamp() for _, at in moments]
    values = [value for one in series for value in one.up] + [value for _, value in levels]
    low, high = (min(days), max(days)) if days else (0.0, _DAY)
    top = max([*values, 1e-9]) * 1.05
    return _chart(
        title, "day (UTC)", up, series, (low, max(high, low + _DAY)), (0.0, top), width, moments, levels
    )


def _points(places: list[tuple[float, float]]) -> str:
    """As a polyline has them; a single point becomes a short dash, or nobody would see it."""
    if len(places) == 1:
        ((across, up),) = places
        places = [(across - _DASH, up), (across + _DASH, up)]
    return " ".join(f"{across:.1f},{up:.1f}" for across, up in places)


def _chart(
    title: str,
    across: str,
    up: str,
    series: Sequence[Series],
    wide: tuple[float, float],
    tall: tuple[float, float],
    width: int,
    moments: Sequence[tuple[str, datetime]],
    levels: Sequence[tuple[str, float]],
) -> Chart:
    empty = Chart(title, across, up, (), (), (), (), width=width)
    x = _Scale(*wide, empty.left, empty.left + width)
    y = _Scale(*tall, empty.bottom, empty.top)
    lines = [
        Line(one.colour, _points([(x.place(a), y.place(u)) for a, u in zip(one.across, one.up, strict=True)]))
        for one in series
    ]
    upright = [
        Mark(x.place(at.timestamp()), empty.top, x.place(at.timestamp()), empty.bottom, _MARK)
        for _, at in moments
    ]
    lying = [Mark(empty.left, y.place(v), empty.left + width, y.place(v), _QUIET) for _, v in levels]
    legend = [Entry(one.name, one.colour) for one in series if one.name]
    legend += [Entry(f"┊ {name}", _MARK) for name, _ in moments] + [
        Entry(f"┄ {name}", _QUIET) for name, _ in levels
    ]
    timed = across.startswith("day")
    return Chart(
        title,
        across,
        up,
        tuple(lines),
        tuple(Tick(x.place(v), _date(v) if timed else f"{v:g}") for v in _across_ticks(wide, timed)),
        tuple(Tick(y.place(v), _short(v)) for v in _round_ticks(*tall)),
        tuple(legend),
        (*upright, *lying),
        width=width,
    )


def _across_ticks(wide: tuple[float, float], timed: bool) -> list[float]:
    if not timed:
        return [float(value) for value in np.linspace(*wide, 5)]
    first, last = int(np.ceil(wide[0] / _DAY)), int(wide[1] // _DAY)
    step = max(1, -(-(last - first + 1) // 6))
    return [day * _DAY for day in range(first, last + 1, step)]


def _round_ticks(low: float, high: float) -> list[float]:
    """Three to eight round values within a span: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 4
    size = 10.0 ** np.floor(np.log10(rough)) if rough > 0 else 1.0
    step = float(size * next(many for many in (1, 2, 5, 10) if many * size >= rough * (1 - 1e-9)))
    return [
        step * number for number in range(int(np.ceil(low / step)), int(np.floor(high / step + 1e-9)) + 1)
    ]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%m-%d}"
