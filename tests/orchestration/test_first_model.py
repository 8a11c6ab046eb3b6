"""The body of ``promote_first_model``: the first model decides, once, whatever is broken off in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.detection.bundle import ModelBundle
from include.governance.audit import ACTIONS, AuditChain
from include.orchestration import adaptation, bank
from include.pipeline.challengers import ChallengerBook, Phase
from include.pipeline.models import model_registry, rule_book
from include.rules.loader import RULES_DIRECTORY
from include.settings import Settings
from include.stores.lake.files import Lake


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: ModelBundle) -> Lake:
    """A lake with one version, which nobody has promoted."""
    now = Settings(lake_uri=(tmp_path / "lake").as_uri())
    for module in (bank, adaptation):
        monkeypatch.setattr(module, "settings", lambda: now)
    lake = Lake(now.lake)
    rule_book(lake).publish_shipped(RULES_DIRECTORY)
    model_registry(lake).publish(bundle, promote=False)
    return lake


def test_it_decides_and_stands_in_the_book_and_in_the_audit_trail(lake: Lake, bundle: ModelBundle) -> None:
    bank.promote_first_model(bundle.version, "ann")
    assert model_registry(lake).current().version == bundle.version
    assert ChallengerBook(lake).get(bundle.version).phase is Phase.CHAMPION
    (record,) = (one for one in AuditChain(lake, ACTIONS).records() if one.subject == bundle.version)
    assert (record.actor, record.kind, record.subject) == ("ann", "model: champion", bundle.version)


def test_what_a_kill_broke_off_is_brought_to_its_end_and_nothing_is_done_twice(
    lake: Lake, bundle: ModelBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(bank, "enter_first_model", killed)
        with pytest.raises(KeyboardInterrupt):
            bank.promote_first_model(bundle.version, None)
    assert ChallengerBook(lake).get(bundle.version) is None
    for _ in range(2):
        bank.promote_first_model(bundle.version, None)
    assert ChallengerBook(lake).get(bundle.version).phase is Phase.CHAMPION
    assert len(model_registry(lake).promotions()) == 1
    assert [one.subject for one in AuditChain(lake, ACTIONS).records()].count(bundle.version) == 1


def test_it_does_not_take_the_place_of_another(
    lake: Lake, bundle: ModelBundle, other_bundle: ModelBundle
) -> None:
    model_registry(lake).publish(other_bundle)
    with pytest.raises(AirflowSkipException, match=f"{other_bundle.version} decides already"):
        bank.promote_first_model(bundle.version, None)
    assert model_registry(lake).current().version == other_bundle.version
    assert ChallengerBook(lake).get(bundle.version) is None
