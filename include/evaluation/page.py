"""The reports of an evaluation: JSON, two curves as SVG, and a page that shows both."""

from __future__ import annotations

import json
from pathlib import Path

from include.evaluation import charts
from include.evaluation.outcome import Outcome
from include.reports.pages import draw, templates


def write(outcome: Outcome, folder: Path) -> list[Path]:
    """Write ``evaluation.json``, ``evaluation-*.svg`` and ``evaluation.html``; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = [draw(chart) for chart in charts.curves(outcome.folds)]
    page = (
        templates("include.evaluation")
        .get_template("page.html.j2")
        .render(outcome=outcome, drawings=drawings)
    )
    written = {
        "evaluation.json": json.dumps(outcome.document(), indent=1),
        "evaluation-precision-recall.svg": drawings[0],
        "evaluation-roc.svg": drawings[1],
        "evaluation.html": page,
    }
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in written]
