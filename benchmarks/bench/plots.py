"""``reports/bench.html``: how many messages were handed over within how many seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.bench.measured import Measured
from include.reports.charts import COLOURS, Series, share_chart
from include.reports.pages import draw, templates

_POINTS = 200


def write(
    folder: Path, latency: Sequence[Measured], continuous: Measured | None, usual: Measured | None
) -> Path | None:
    """Write the page; None where nothing was measured that it could show."""
    by_rate = [(f"{one.rate:g} a second", one) for one in latency]
    rates = {one.rate for one in (continuous, usual) if one}
    side_by_side = [(f"this project, {one.rate:g} a second", one) for one in latency if one.rate in rates]
    side_by_side += [
        (name, one) for name, one in (("one continuous job", continuous), ("the usual way", usual)) if one
    ]
    charts = [
        share_chart(title, "seconds from the broker", "share handed over", curves)
        for title, named in (("By rate", by_rate), ("Side by side", side_by_side))
        if (curves := _curves(named))
    ]
    if not charts:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "bench.html"
    page = templates("benchmarks.bench").get_template("bench.html.j2")
    path.write_text(page.render(charts=[draw(chart) for chart in charts]), encoding="utf-8")
    return path


def _curves(named: Sequence[tuple[str, Measured]]) -> list[Series]:
    shares = np.linspace(0.0, 1.0, _POINTS)
    return [
        Series(
            name, np.quantile(one.alerted, shares).tolist(), shares.tolist(), COLOURS[place % len(COLOURS)]
        )
        for place, (name, one) in enumerate(named)
        if len(one.alerted)
    ]
