"""Watching a small bank for drift: what is counted once, what is told once, and what a promotion resets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from include.adaptation.drift import DriftSettings, Kind, Summary
from include.adaptation.settings import AdaptationSettings
from include.detection.bundle import ModelBundle
from include.pipeline.drift import FOLDER, DriftWatch
from include.pipeline.models import model_registry
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, batch_folder
from tests.pipeline.conftest import LiveBank, NoRules

pytestmark = pytest.mark.slow

WANTED = AdaptationSettings(drift=DriftSettings(min_rows=50, min_segment_rows=10_000, missed_min=20))


@pytest.fixture
def live(with_champion: Callable[[int], LiveBank]) -> LiveBank:
    return with_champion(4)


def watching(live: LiveBank, wanted: AdaptationSettings = WANTED) -> DriftWatch:
    registry = model_registry(live.lake, gate=lambda: None)
    return DriftWatch(live.lake, registry, NoRules(), wanted)  # type: ignore[arg-type]


def change(live: LiveBank, batch: int, **columns: pa.Array) -> None:
    path = f"{batch_folder(Stage.SCORED, batch)}/data.parquet"
    table = live.lake.read_table(path)
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), table.schema.field(name), values)
    live.lake.write_table(path, table)


def counted(live: LiveBank, version: str, promotion: int = 1) -> int:
    folder = f"{FOLDER}/{version}-{promotion:04d}/summaries"
    rows = [row for name in live.lake.names(folder) for row in live.lake.read_json(f"{folder}/{name}")]
    return sum(Summary.model_validate(row).tally.rows for row in rows)


def test_an_ordinary_stream_is_counted_once_and_no_alarm(live: LiveBank, bundle: ModelBundle) -> None:
    assert watching(live).look().news == ()
    live.run(3)
    for _ in range(2):
        look = watching(live).look()
        assert look.news == look.standing == ()
        assert not look.retraining_due
        assert counted(live, bundle.version) == 3 * 70


def test_a_killed_look_counts_nothing_twice(
    live: LiveBank, bundle: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching(live).look()
    live.run(1)
    write = Lake.write_json

    def dies_before_the_position(self: Lake, path: str, document: object) -> None:
        if path.endswith("position.json"):
            raise KeyboardInterrupt
        write(self, path, document)

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "write_json", dies_before_the_position)
        with pytest.raises(KeyboardInterrupt):
            watching(live).look()
    live.run(1)
    watching(live).look()
    assert counted(live, bundle.version) == 2 * 70


def test_a_shift_is_told_once_with_evidence_and_plans_a_retraining(live: LiveBank) -> None:
    watching(live).look()
    live.run(3)
    for batch in range(4, 7):
        change(live, batch, score=pa.array(np.full(70, 0.999)))
    look = watching(live).look()
    (alarm,) = [alarm for alarm in look.news if alarm.kind is Kind.SCORE]
    assert "PSI" in alarm.sentence
    assert alarm.confidence > 0.99
    assert "<svg" in live.lake.read_bytes(f"{FOLDER}/alarms/{alarm.id}.html").decode()
    assert live.lake.read_json(f"{FOLDER}/alarms/{alarm.id}.json")["sentence"] == alarm.sentence
    assert live.lake.read_json(f"{FOLDER}/episode.json")["alarm_id"] == alarm.id
    again = watching(live).look()  # nobody was told: the task was killed before
    assert [one.id for one in again.news] == [one.id for one in look.news]
    watching(live).told(again)
    assert watching(live).look().news == ()
    assert watching(live).look().standing
    assert watching(live).last_look().standing == again.standing


def test_an_alarm_that_is_over_and_comes_again_is_told_again(live: LiveBank) -> None:
    watching(live).look()
    live.run(3)
    for batch in range(4, 7):
        change(live, batch, score=pa.array(np.full(70, 0.999)))
    watching(live).told(watching(live).look())
    live.run(20)  # days without it
    watching(live).told(watching(live).look())
    assert Kind.SCORE not in {alarm.kind for alarm in watching(live).last_look().standing}
    live.run(4)
    for batch in range(27, 31):
        change(live, batch, score=pa.array(np.full(70, 0.999)))
    assert Kind.SCORE in {alarm.kind for alarm in watching(live).look().news}


def test_missed_frauds_call_for_a_retraining_at_once(live: LiveBank) -> None:
    watching(live).look()
    live.run(6)
    for batch in range(4, 7):
        change(live, batch, decision=pa.array(["ALERT"] * 70))
    for batch in range(7, 10):
        change(live, batch, decision=pa.array(["ALLOW"] * 70))
    for batch in range(4, 10):
        live.tell([(batch, row) for row in range(0, 60, 3)])
    look = watching(live).look()
    assert Kind.MISSED_FRAUD in {alarm.kind for alarm in look.news}
    assert look.retraining_due
    watching(live).retrained()
    assert not watching(live).look().retraining_due


def test_another_champion_begins_anew(live: LiveBank, bundle: ModelBundle, other_bundle: ModelBundle) -> None:
    watching(live).look()
    live.run(1)
    model_registry(live.lake, gate=lambda: None).publish(other_bundle)
    watching(live).look()
    live.run(2)
    watching(live).look()
    assert counted(live, other_bundle.version, 2) == 140
    model_registry(live.lake, gate=lambda: None).promote(bundle.version)  # and back
    watching(live).look()
    live.run(1)
    watching(live).look()
    assert counted(live, bundle.version, 3) == 70
    reference = live.lake.read_json(f"{FOLDER}/{other_bundle.version}-0002/reference.json")
    assert reference["model_version"] == other_bundle.version


def test_without_a_model_nothing_is_watched(make_bank) -> None:
    assert watching(make_bank()).look().standing == ()
