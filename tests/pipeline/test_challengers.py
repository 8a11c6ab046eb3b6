"""From the shadow to the throne and back: every step by evidence, and on record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from include.adaptation.settings import AdaptationSettings
from include.detection.budget import threshold_for
from include.detection.bundle import ModelBundle
from include.detection.errors import PromotionRefused
from include.pipeline.challengers import ChallengerBook, Phase
from include.pipeline.models import model_registry
from include.pipeline.promotion import Promotions
from include.pipeline.shadow import compared, judge
from include.stores.lake.ledger import Stage, batch_folder
from tests.pipeline.conftest import LiveBank

pytestmark = pytest.mark.slow

WANTED = AdaptationSettings(shadow_frauds=8, alert_budget=0.1, share=0.3)


@dataclass
class Scene:
    """A bank with a champion, and a challenger that is in the shadow."""

    bank: LiveBank
    champion: str
    challenger: str
    wanted: AdaptationSettings = WANTED
    records: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def steps(self) -> Promotions:
        """New objects each time, as every task has them."""
        registry = model_registry(self.bank.lake, gate=lambda: None)
        return Promotions(self.bank.lake, registry, self.wanted, lambda *said: self.records.append(said))

    @property
    def book(self) -> ChallengerBook:
        return ChallengerBook(self.bank.lake)

    def phase(self, version: str) -> Phase:
        one = self.book.get(version)
        assert one is not None
        return one.phase

    def pick(self, batches: range, mine: str, other: str, count: int = 12) -> list[tuple[int, int]]:
        """Transactions that one model flags within the budget, and the other does not."""
        registry = model_registry(self.bank.lake)
        tables = [
            self.bank.lake.read_table(f"{batch_folder(Stage.SCORED, batch)}/data.parquet")
            for batch in batches
        ]
        flagged = {}
        for version in (mine, other):
            bundle = registry.load(version)
            scores = np.concatenate([judge(table, bundle)["score"].to_numpy() for table in tables])
            flagged[version] = scores >= threshold_for(scores, self.wanted.alert_budget * 0.9)
        rows = np.flatnonzero(flagged[mine] & ~flagged[other])
        assert len(rows) >= count, "the models say the same"
        return [(batches[row // 70], int(row % 70)) for row in rows[:count].tolist()]


@pytest.fixture
def scene(make_bank, train_small, bundle: ModelBundle) -> Scene:
    made = make_bank()
    registry = model_registry(made.lake, gate=lambda: None)
    rival = train_small(3, misled=True)
    turned = replace(rival, manifest=rival.manifest.model_copy(update={"version": "29990101T000000Z-rival"}))
    registry.publish(bundle)
    registry.publish(turned, promote=False)
    live = replace(made, registry=model_registry(made.lake))
    live.run(1)
    scene = Scene(live, bundle.version, turned.version)
    scene.book.enter(
        turned.version, Phase.SHADOW, by="training", reason="fit", trained_for="a test", since_batch=1
    )
    return scene


def run(scene: Scene, count: int) -> range:
    first = scene.bank.scored
    scene.bank.run(count)
    return range(first, first + count)


def test_the_shadow_judges_what_was_scored_and_is_acted_on_by_nobody(scene: Scene) -> None:
    batches = run(scene, 3)
    assert scene.steps.shadow() == {scene.challenger: 210}
    assert scene.steps.shadow() == {scene.challenger: 0}
    path = f"{batch_folder(Stage.SCORED, batches[0])}/data.parquet"
    assert set(scene.bank.lake.read_table(path)["model_version"].to_pylist()) == {scene.champion}
    found = compared(scene.bank.lake, scene.challenger, scene.champion, 1, 0.1, 1)
    assert (found.rows, found.frauds) == (210, 0)


def test_without_labels_nothing_moves_and_a_worse_one_is_rejected(scene: Scene) -> None:
    batches = run(scene, 8)
    scene.steps.shadow()
    assert scene.steps.judge() == []
    scene.bank.tell(scene.pick(batches, scene.champion, scene.challenger))
    (moved,) = scene.steps.judge()
    assert moved.phase is Phase.REJECTED
    assert scene.records[-1][1:3] == (f"model: {Phase.REJECTED}", scene.challenger)
    assert moved.steps[-1].evidence["only_champion"] >= 8


def test_a_good_one_waits_gets_a_share_and_then_everything_and_falls_again(scene: Scene) -> None:
    batches = run(scene, 8)
    scene.steps.shadow()
    scene.bank.tell(scene.pick(batches, scene.challenger, scene.champion))
    assert [one.phase for one in scene.steps.judge()] == [Phase.WAITING]
    assert scene.steps.judge() == []
    assert scene.steps.waiting().version == scene.challenger

    scene.steps.promote(scene.challenger, by="ann", reason="better on 12", share=0.3)
    assert scene.phase(scene.challenger) is Phase.SHARE
    batches = run(scene, 8)
    path = f"{batch_folder(Stage.SCORED, batches[0])}/data.parquet"
    decided = scene.bank.lake.read_table(path)["model_version"].to_pylist()
    assert set(decided) == {scene.champion, scene.challenger}
    assert (scene.bank.ledger.manifest(Stage.SCORED, batches[0]) or {})["candidate"] == {
        "version": scene.challenger,
        "share": 0.3,
    }
    scene.steps.shadow()
    scene.bank.tell(scene.pick(batches, scene.challenger, scene.champion))
    assert [one.phase for one in scene.steps.judge()] == [Phase.WAITING]
    found = compared(scene.bank.lake, scene.challenger, scene.champion, batches[0], 0.1, 1)
    assert found.rows == 8 * 70  # also where the candidate decided in the champion's place

    scene.steps.promote(scene.challenger, by="bob", reason="better on a share")
    assert scene.phase(scene.challenger) is Phase.CHAMPION
    assert scene.phase(scene.champion) is Phase.FORMER
    batches = run(scene, 8)
    path = f"{batch_folder(Stage.SCORED, batches[0])}/data.parquet"
    assert set(scene.bank.lake.read_table(path)["model_version"].to_pylist()) == {scene.challenger}

    scene.steps.shadow()
    scene.bank.tell(scene.pick(batches, scene.champion, scene.challenger))
    (moved,) = scene.steps.judge()
    assert (moved.version, moved.phase) == (scene.champion, Phase.CHAMPION)
    assert scene.phase(scene.challenger) is Phase.DEMOTED
    run(scene, 1)
    assert scene.bank.registry.current().version == scene.champion
    actions = [(who, what) for who, what, *_ in scene.records]
    assert ("ann", f"model: {Phase.SHARE}") in actions
    assert ("bob", f"model: {Phase.CHAMPION}") in actions
    assert ("probation of the champion", f"model: {Phase.DEMOTED}") in actions


def test_a_rejected_candidate_gives_its_accounts_back(scene: Scene) -> None:
    scene.steps.promote(scene.challenger, by="ann", reason="try", share=0.5)
    assert scene.bank.registry.deployed().candidate is not None
    scene.steps.reject(scene.challenger, by="bob", reason="no")
    assert scene.bank.registry.deployed().candidate is None
    assert scene.phase(scene.challenger) is Phase.REJECTED


def test_a_champion_that_stands_its_probation_is_left_alone(scene: Scene) -> None:
    scene.steps.promote(scene.challenger, by="ann", reason="try")
    scene.wanted = WANTED.model_copy(update={"probation_days": 1e-9})
    run(scene, 1)
    scene.steps.shadow()
    scene.steps.judge()
    assert scene.phase(scene.champion) is Phase.ENDED


class Killed(BaseException):
    """The process is gone."""


def test_a_promotion_that_was_killed_half_way_is_the_same_when_taken_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(ChallengerBook, "enter", die)
        with pytest.raises(Killed):
            scene.steps.promote(scene.challenger, by="ann", reason="try")
    scene.steps.promote(scene.challenger, by="ann", reason="try")
    assert scene.phase(scene.challenger) is Phase.CHAMPION
    assert scene.phase(scene.champion) is Phase.FORMER
    assert [one.version for one in scene.steps.registry.promotions()] == [scene.champion, scene.challenger]
    champion = scene.book.get(scene.challenger)
    assert champion is not None
    assert champion.steps[-1].by == "ann"


def test_a_step_that_was_killed_before_its_record_is_on_record_after_the_next_try(scene: Scene) -> None:
    steps = scene.steps
    killed = replace(steps, record=lambda *said: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        killed.reject(scene.challenger, by="ann", reason="no")
    scene.steps.reject(scene.challenger, by="ann", reason="no")
    assert [said[:3] for said in scene.records] == [("ann", f"model: {Phase.REJECTED}", scene.challenger)]


def test_who_waits_is_compared_anew_with_another_champion(scene: Scene) -> None:
    scene.book.enter("29990102T000000Z-third", Phase.WAITING, by="x", reason="y", since_batch=1)
    run(scene, 1)
    scene.steps.promote(scene.challenger, by="ann", reason="try")
    third = scene.book.get("29990102T000000Z-third")
    assert third is not None
    assert (third.phase, third.since_batch) == (Phase.SHADOW, scene.bank.scored)


def test_a_second_share_ends_the_first(scene: Scene) -> None:
    scene.book.enter("29990102T000000Z-third", Phase.SHARE, by="x", reason="y", since_batch=1)
    scene.steps.promote(scene.challenger, by="ann", reason="try", share=0.2)
    assert scene.phase("29990102T000000Z-third") is Phase.ENDED


def test_a_book_that_lags_behind_the_registry_follows_it(scene: Scene) -> None:
    scene.steps.promote(scene.challenger, by="ann", reason="try")
    scene.steps.registry.promote(scene.champion, by="a killed demotion")
    scene.steps.judge()
    assert scene.phase(scene.champion) is Phase.CHAMPION
    assert scene.phase(scene.challenger) is Phase.DEMOTED


def test_the_gate_keeps_it_waiting(scene: Scene) -> None:
    def closed() -> None:
        raise PromotionRefused("parity is not clean")

    steps = replace(scene.steps, registry=model_registry(scene.bank.lake, gate=closed))
    with pytest.raises(PromotionRefused):
        steps.promote(scene.challenger, by="ann", reason="try")
    assert scene.phase(scene.challenger) is Phase.SHADOW
    assert scene.bank.registry.current().version == scene.champion
