"""The reports of an evaluation: JSON, two curves as SVG, and a page that shows both."""

from __future__ import annotations

import json
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from include.evaluation import charts
from include.evaluation.outcome import Outcome
from include.reports.checks import said


def write(outcome: Outcome, folder: Path) -> list[Path]:
    """Write ``evaluation.json``, ``evaluation-*.svg`` and ``evaluation.html``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    templates = Environment(
        loader=PackageLoader("include.evaluation"), autoescape=True, undefined=StrictUndefined
    )
    size = {"width": charts.WIDTH, "height": charts.HEIGHT, "left": charts.LEFT, "top": charts.TOP}
    drawings = [
        templates.get_template("chart.svg.j2").render(chart=chart, **size)
        for chart in charts.curves(outcome.folds)
    ]
    page = templates.get_template("page.html.j2").render(outcome=outcome, drawings=drawings, said=said)
    written = {
        "evaluation.json": json.dumps(outcome.document(), indent=1),
        "evaluation-precision-recall.svg": drawings[0],
        "evaluation-roc.svg": drawings[1],
        "evaluation.html": page,
    }
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in written]
