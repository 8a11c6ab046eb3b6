"""How figures are written, and what a first visit has to wait for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from include.reports.charts import Series, day_chart
from include.settings import PROJECT
from plugins.fraud_desk.charts import shortened
from plugins.fraud_desk.rendering import templates


@pytest.mark.parametrize(
    ("precision", "labelled", "of", "genuine", "shown", "not_shown"),
    [
        (1.0, 96, 222, 0, ("–", "96 of 222 labelled", "Only frauds are labelled"), "100.0 %"),
        (0.5, 4, 10, 2, ("50.0 %", "4 of 10 labelled"), "Only frauds"),
        (None, 0, 7, 0, ("–", "0 of 7 labelled"), "Only frauds"),
    ],
)
def test_a_precision_says_what_it_rests_on(
    precision: float | None, labelled: int, of: int, genuine: int, shown: tuple[str, ...], not_shown: str
) -> None:
    parts = templates().get_template("parts.html").module
    text = str(parts.precision(precision, labelled, of, genuine))  # type: ignore[attr-defined]
    assert all(one in text for one in shown)
    assert not_shown not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01, "0.01"),
        (1, "1"),
        (250, "250"),
        (9_999, "9,999"),
        (10_000, "10k"),
        (1.25e6, "1.25M"),
        (3e9, "3G"),
    ],
)
def test_numbers_at_axes_are_short(value: float, text: str) -> None:
    assert shortened(value) == text


@pytest.mark.parametrize(
    ("most", "texts"),
    [
        (1.0, ["0", "0.5", "1"]),
        (0.02, ["0", "0.01", "0.02"]),
        (3.7, ["0", "1", "2", "3"]),
        (4_321.0, ["0", "2,000", "4,000"]),
    ],
)
def test_ticks_of_a_chart_are_round(most: float, texts: list[str]) -> None:
    chart = day_chart("Title", "share", [Series("one", [0.0, 86_400.0], [0.0, most], "#000")])
    assert [tick.text for tick in chart.up_ticks] == texts
    assert all(chart.top - 0.1 <= tick.place <= chart.bottom + 0.1 for tick in chart.up_ticks)


@pytest.mark.slow
def test_pages_of_rules_and_models_are_warmed_without_what_only_scoring_needs() -> None:
    """skops takes many seconds beside Airflow, and no page reads a detector."""
    program = (
        "import sys, plugins.fraud_desk.warming as w; w.warm().join(); "
        "assert set(w.MODULES) <= set(sys.modules), 'not imported'; "
        "assert 'skops' not in sys.modules, 'skops is imported'"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
