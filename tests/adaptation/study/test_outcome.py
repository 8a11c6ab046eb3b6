import json
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from include.adaptation.study.measures import Measured, Period, Reserve
from include.adaptation.study.outcome import Outcome
from include.adaptation.study.page import write

CHANGES = ("a new modus operandi", "b amounts inflated", "c nothing")
RESERVE = Reserve(0.35, 0.0, 0.78, 0.80, 0.012, 0.01, 0.2, 0.0, 0.77, 0.8)


def measured(change: str, **changes) -> Measured:
    usual = Measured(
        change=change,
        policy="triggered",
        seed=0,
        before=0.8,
        alert_rate_before=0.01,
        weeks=tuple(Period(first, 7, 500, 0.7, 0.7, 0.01, 0.6, 0.6) for first in (-7, 0, 7)),
        daily=((0, 0.5), (13, 0.7)),
        rolling=((7, 0.5), (14, 0.7), (15, 0.77)),
        second_day_alert_rate=0.012,
        retrainings=(9, 12, 17),
        recalibrations=(),
        alarms=({"day": -2, "sentence": "early"}, {"day": 9, "sentence": "<more> missed"}),
        reserve=RESERVE if change.startswith("a") else None,
        seconds=1.0,
    )
    return replace(usual, **changes)


@pytest.fixture
def outcome(settings) -> Outcome:
    quiet = measured(CHANGES[2], retrainings=(), alarms=())
    sudden = measured(CHANGES[1], alarms=({"day": 1, "sentence": "score"},))
    return Outcome("history.parquet", 100, settings, (measured(CHANGES[0]), sudden, quiet))


def value(outcome: Outcome, name: str):
    return next(check for check in outcome.checks() if check.name.startswith(name))


def test_days_are_counted_from_the_onset(outcome):
    assert value(outcome, "(a) alarm").value == 9
    assert value(outcome, "(a) average precision back").value == 15
    assert value(outcome, "(a) retrainings").value == 2
    assert value(outcome, "(b) alarm").value == 1
    assert value(outcome, "(b) average precision").value == 0.7
    assert value(outcome, "(b) alert rate").value == pytest.approx(0.2)
    assert value(outcome, "(c) needless").value == 0
    assert value(outcome, "(a) what the anomaly reserve costs").value == pytest.approx(2.0)


def test_a_check_has_the_value_of_the_worst_seed(outcome):
    worse = measured(
        CHANGES[0], seed=1, rolling=((7, 0.5), (14, 0.6)), reserve=replace(RESERVE, new_pattern=0.1)
    )
    both = replace(outcome, runs=(*outcome.runs, worse))
    assert value(both, "(a) average precision back").value is None  # it never came back
    assert not value(both, "(a) average precision back").holds
    assert value(both, "(a) week of the onset").value == 0.1
    assert value(both, "(a) retrainings").value == 3


def test_precision_that_never_fell_is_back_at_once():
    assert measured(CHANGES[0], rolling=((7, 0.8), (14, 0.79))).back_after == 0


def test_the_reports_tell_every_run_and_escape(outcome, tmp_path):
    paths = write(outcome, tmp_path)
    document = json.loads(paths[0].read_text())
    assert len(document["runs"]) == 3
    assert document["settings"]["drift"]["score_psi"] == outcome.settings.drift.score_psi
    assert set(document["checks"][0]) == {"name", "value", "must", "aim", "holds"}
    page = paths[1].read_text()
    assert page.count("<svg") == 6
    assert "&lt;more&gt; missed" in page


def test_a_result_survives_the_folder_it_is_kept_in():
    adapter = TypeAdapter(Measured)
    run = measured(CHANGES[0])
    assert adapter.validate_json(adapter.dump_json(run)) == run
