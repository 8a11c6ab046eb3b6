"""The page of models: who decides, how they have done by labels, and alarms of drift."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from include.adaptation.drift import Alarm
from include.adaptation.drift.alarm import Kind, Point
from include.detection.bundle import ModelBundle
from include.pipeline.challengers import ChallengerBook, Phase
from include.pipeline.models import model_registry
from include.pipeline.rule_quality import ModelQuality, measure, model_quality
from plugins.fraud_desk.access import Role
from plugins.fraud_desk.model_view import models, quality_charts
from plugins.fraud_desk.spans import period
from tests.desk.bank import MemoryBank
from tests.desk.work import Work
from tests.pipeline.conftest import LiveBank, bundle, make_bank, other_bundle, train_small, with_champion  # noqa: F401

SINCE, UNTIL = datetime(2025, 12, 1).date(), datetime(2026, 3, 1).date()


@pytest.fixture
def live(
    with_champion: Callable[[int], LiveBank],  # noqa: F811
    other_bundle: ModelBundle,  # noqa: F811
) -> LiveBank:
    """A champion that has scored and was labelled, and a challenger that waits."""
    made = with_champion(4)
    made.tell([(0, 1), (2, 5)])
    made.tell([(1, 7)], fraud=False)
    measure(made.lake)
    model_registry(made.lake).publish(other_bundle, promote=False)
    book = ChallengerBook(made.lake)
    book.enter(
        other_bundle.version, Phase.SHADOW, by="train_models", reason="<i>drift</i>", trained_for="drift"
    )
    book.enter(other_bundle.version, Phase.WAITING, by="comparison in the shadow", reason="not worse")
    return made


def alarm() -> Alarm:
    now = datetime.now(UTC)
    return Alarm(
        id="0123456789abcdef", kind=Kind.SCORE, subject="score", segment="all", since=now - timedelta(days=2),
        noticed_at=now, p_value=0.001, value=0.4, reference_value=0.0, threshold=0.25, rows=5000,
        reference_id="r", model_version="m", sentence="The score <b>shifted</b>.",
        series=(Point(at=now - timedelta(days=2), value=0.1), Point(at=now, value=0.4)),
    )  # fmt: skip


def test_who_decides_and_who_waits(live: LiveBank, bundle: ModelBundle, other_bundle: ModelBundle) -> None:  # noqa: F811
    first, second = models(live.lake, SINCE, UNTIL).rows
    assert (first.version, first.role, first.share) == (bundle.version, "champion", 1.0)
    assert (second.version, second.role) == (other_bundle.version, "waiting for approval")
    assert first.manifest is not None
    assert first.manifest.metrics == bundle.manifest.metrics
    assert second.way is not None
    assert [step.phase for step in second.way.steps] == [Phase.SHADOW, Phase.WAITING]


def test_quality_by_day_comes_from_labels(live: LiveBank, bundle: ModelBundle) -> None:  # noqa: F811
    found = models(live.lake, SINCE, UNTIL)
    assert {one.model_version for one in found.quality} == {bundle.version}
    assert sum(one.transactions for one in found.quality) == 4 * 70
    assert (sum(one.fraud for one in found.quality), sum(one.legitimate for one in found.quality)) == (2, 1)


def test_a_curve_is_drawn_from_two_days_on() -> None:
    def day(number: int, version: str, fraud: int) -> ModelQuality:
        return ModelQuality(SINCE + timedelta(days=number), version, 100, 4, 2, fraud, 1, fraud and 1, 1)

    assert quality_charts((day(0, "a", 2),)) == []
    assert [chart.title for chart in quality_charts((day(0, "a", 0), day(1, "a", 2)))] == [
        "Precision of labelled alerts",
        "Alerts",
    ]
    charts = quality_charts((day(0, "a", 2), day(0, "", 2), day(1, "a", 4), day(1, "", 2)))
    assert len(charts) == 3
    assert [entry.name for entry in charts[0].legend] == ["a", "rules only"]


def test_the_page_tells_it_all_and_runs_nothing(live: LiveBank, other_bundle: ModelBundle) -> None:  # noqa: F811
    one = alarm()
    live.lake.write_json(f"drift/alarms/{one.id}.json", one.model_dump(mode="json"))
    live.lake.write_bytes(f"drift/alarms/{one.id}.html", b"<h1>alarm</h1>")
    client = Work(MemoryBank(live.lake)).client(Role.VIEWER)
    page = client.get("/models").text
    assert other_bundle.version in page
    assert "&lt;i&gt;drift&lt;/i&gt;" in page
    assert "The score &lt;b&gt;shifted&lt;/b&gt;." in page
    assert page.count("<svg xmlns") >= 1
    told = client.get(f"/models/alarms/{one.id}")
    assert told.text == "<h1>alarm</h1>"
    assert told.headers["content-security-policy"].startswith("sandbox;")
    for wrong in ("x", "%2E%2E", "0123456789abcdee", "0123456789abcdef%2F..%2Fx"):
        assert client.get(f"/models/alarms/{wrong}").status_code == 404


def test_quality_as_a_file(live: LiveBank) -> None:
    answer = Work(MemoryBank(live.lake)).client(Role.VIEWER).get("/models.csv?days=90")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    told = list(model_quality(live.lake, *period(90)))
    assert [row["day"] for row in rows] == [one.day.isoformat() for one in told]
    assert [int(row["labelled"]) for row in rows] == [one.labelled for one in told]
    assert "attachment" in answer.headers["content-disposition"]


def test_a_manifest_that_cannot_be_read_is_told(live: LiveBank, other_bundle: ModelBundle) -> None:  # noqa: F811
    live.lake.write_bytes(f"models/versions/{other_bundle.version}/manifest.json", b"{}")
    (broken,) = [row for row in models(live.lake, SINCE, UNTIL).rows if row.manifest is None]
    assert broken.version == other_bundle.version
    assert broken.trouble


def test_no_model_yet(make_bank: Callable[[], LiveBank]) -> None:  # noqa: F811
    page = Work(MemoryBank(make_bank().lake)).client(Role.VIEWER).get("/models")
    assert page.status_code == 200
    assert "the rules decide alone" in page.text
