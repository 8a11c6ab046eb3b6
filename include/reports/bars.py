"""Charts of bars: upright ones over time, lying ones by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from include.reports.charts import COLOURS, Bar, Chart, Entry, Tick

_ROW = 26
_LABEL = 150


@dataclass(frozen=True, slots=True)
class Values:
    """One kind of bar: a value for each place of the chart."""

    name: str
    values: Sequence[float]
    colour: str = COLOURS[0]


def time_bars(
    title: str, across: str, up: str, moments: Sequence[datetime], values: Values, form: str, width: int = 360
) -> Chart:
    """Upright bars, one a moment, from zero up.

    Parameters
    ----------
    form
        How a moment is written at the axis, as ``strftime`` has it.
    """
    empty = Chart(title, across, up, (), (), (), (), width=width, height=180, left=64)
    top = _round_up(max(values.values, default=0))
    step = width / max(len(moments), 1)
    bars, ticks = [], []
    every = max(1, -(-len(moments) // 8))
    for place, (moment, value) in enumerate(zip(moments, values.values, strict=True)):
        height = value / top * empty.height
        x = empty.left + place * step
        words = f"{moment.strftime(form)}: {value:,.0f}"
        bars.append(Bar(x + step * 0.1, empty.bottom - height, step * 0.8, height, values.colour, words))
        if place % every == 0:
            ticks.append(Tick(x + step / 2, moment.strftime(form)))
    ups = tuple(
        Tick(empty.bottom - part / 4 * empty.height, _short_number(top * part / 4)) for part in range(5)
    )
    return Chart(
        title, across, up, (), tuple(ticks), ups, (), width=width, height=180, left=64, bars=tuple(bars)
    )


def named_bars(
    title: str,
    across: str,
    names: Sequence[str],
    kinds: Sequence[Values],
    said: Callable[[float], str] = lambda value: f"{value:,.0f}",
    width: int = 280,
) -> Chart:
    """Lying bars, a group a name, from the top down."""
    height = _ROW * max(len(names), 1) + 10
    empty = Chart(title, across, "", (), (), (), (), width=width, height=height, left=_LABEL)
    top = _round_up(max((value for kind in kinds for value in kind.values), default=0))
    thick = (_ROW - 6) / max(len(kinds), 1)
    bars = [
        Bar(
            empty.left,
            empty.top + 5 + row * _ROW + 3 + place * thick,
            value / top * width,
            thick,
            kind.colour,
            f"{name}, {kind.name}: {said(value)}",
        )
        for place, kind in enumerate(kinds)
        for row, (name, value) in enumerate(zip(names, kind.values, strict=True))
    ]
    across_ticks = tuple(Tick(empty.left + part / 4 * width, said(top * part / 4)) for part in range(5))
    up_ticks = tuple(Tick(empty.top + 5 + (row + 0.5) * _ROW, _short(name)) for row, name in enumerate(names))
    legend = tuple(Entry(f"■ {kind.name}", kind.colour) for kind in kinds) if len(kinds) > 1 else ()
    return Chart(
        title, across, "", (), across_ticks, up_ticks, legend,
        width=width, height=height, left=_LABEL, bars=tuple(bars),
    )  # fmt: skip


def _round_up(value: float) -> float:
    """To a number that divides into four well: 4, 8, 20, 40, 80, 200 and so on."""
    if value <= 4:
        return 4.0
    ten = 10.0 ** math.floor(math.log10(value))
    return next(factor * ten for factor in (1, 2, 4, 8, 10, 20) if factor * ten >= value)


def _short_number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _short(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:21]}…"
