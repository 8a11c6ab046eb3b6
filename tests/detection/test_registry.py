from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from include.detection.errors import ModelRefused, PromotionRefused, RegistryError
from include.detection.registry import ModelRegistry
from include.stores.lake.files import Lake


def renamed(bundle, version):
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"version": version}))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path.as_uri())


def open_gate() -> None:
    """Lets every model pass."""


def files_of(lake: Lake, version: str) -> Path:
    return Path(lake.uri.removeprefix("file://")) / "models" / "versions" / version


def tamper(lake: Lake, version: str) -> None:
    path = files_of(lake, version) / "policy.json"
    path.write_text(path.read_text().replace("0.01", "0.99"))


def test_an_empty_registry_has_no_model(lake):
    registry = ModelRegistry(lake, "models")
    assert registry.current() is None
    assert registry.versions() == registry.problems == ()


def test_publish_makes_it_current(lake, light, make):
    published = ModelRegistry(lake, "models").publish(light)
    assert published.manifest.files
    registry = ModelRegistry(lake, "models", make.names)
    assert registry.current().version == light.version
    assert registry.versions() == (light.version,)
    assert registry.problems == ()


def test_the_current_model_is_loaded_once(lake, light):
    registry = ModelRegistry(lake, "models")
    registry.publish(light)
    assert registry.current() is registry.current()


def test_it_follows_the_pointer_there_and_back(lake, light):
    writer, reader = ModelRegistry(lake, "models", gate=open_gate), ModelRegistry(lake, "models")
    writer.publish(renamed(light, "v1"))
    assert reader.current().version == "v1"
    writer.publish(renamed(light, "v2"), promote=False)
    assert reader.current().version == "v1"
    writer.promote("v2")
    assert reader.current().version == "v2"
    writer.promote("v1")
    assert reader.current().version == "v1"
    assert reader.load("v2").version == "v2"


def test_publishing_again_changes_nothing(lake, light):
    registry = ModelRegistry(lake, "models", gate=open_gate)
    registry.publish(light)
    before = {path.name: path.read_bytes() for path in files_of(lake, light.version).iterdir()}
    registry.publish(light)
    assert {path.name: path.read_bytes() for path in files_of(lake, light.version).iterdir()} == before


def test_another_model_under_the_same_version_is_refused(lake, light):
    registry = ModelRegistry(lake, "models", gate=open_gate)
    registry.publish(light)
    other = light.manifest.model_copy(update={"predictions_sha256": "0" * 64})
    with pytest.raises(RegistryError, match="another model"):
        registry.publish(replace(light, manifest=other))


def test_the_last_good_model_goes_on_when_the_next_is_tampered_with(lake, light):
    registry = ModelRegistry(lake, "models", gate=open_gate)
    registry.publish(renamed(light, "v1"))
    good = registry.current()
    registry.publish(renamed(light, "v2"), promote=False)
    tamper(lake, "v2")
    registry.promote("v2")
    assert registry.current() is good
    assert "v2" in registry.problems[0]
    assert "SHA-256" in registry.problems[0]
    # A process that starts only now finds the last good one as well.
    late = ModelRegistry(lake, "models")
    assert late.current().version == "v1"
    assert late.problems
    # The next good promotion ends the problem.
    registry.publish(renamed(light, "v3"))
    assert registry.current().version == "v3"
    assert registry.problems == ()
    with pytest.raises(ModelRefused, match="SHA-256"):
        registry.load("v2")


def test_a_manifest_changed_after_promotion_is_refused(lake, light):
    ModelRegistry(lake, "models").publish(light)
    path = files_of(lake, light.version) / "manifest.json"
    path.write_text(path.read_text().replace('"seed": 7', '"seed": 8').replace('"seed":7', '"seed":8'))
    registry = ModelRegistry(lake, "models")
    assert registry.current() is None
    assert "changed after the promotion" in registry.problems[0]


def test_an_added_pickle_is_refused(lake, light):
    ModelRegistry(lake, "models").publish(light)
    (files_of(lake, light.version) / "extra.pkl").write_bytes(b"\x80\x04N.")
    registry = ModelRegistry(lake, "models")
    assert registry.current() is None
    assert "extra.pkl" in registry.problems[0]


def test_an_incompatible_model_is_refused(lake, light, make):
    ModelRegistry(lake, "models").publish(light)
    registry = ModelRegistry(lake, "models", (*make.names, "brand_new"))
    assert registry.current() is None
    assert "brand_new" in registry.problems[0]


def test_a_torn_pointer_is_passed_over(lake, light):
    registry = ModelRegistry(lake, "models")
    registry.publish(light)
    promotions = files_of(lake, "x").parents[1] / "promotions"
    (promotions / "00000002.json.abc.tmp").write_text('{"vers')
    assert registry.current().version == light.version
    assert registry.problems == ()
    (promotions / "00000002.json").write_text('{"vers')
    assert ModelRegistry(lake, "models").current().version == light.version


def test_a_cut_off_upload_does_no_harm(lake, light):
    directory = files_of(lake, light.version)
    directory.mkdir(parents=True)
    (directory / "policy.json.abc.tmp").write_text("half")
    registry = ModelRegistry(lake, "models")
    assert registry.versions() == ()
    registry.publish(light)
    assert registry.current().version == light.version


def test_an_unknown_version_cannot_be_promoted(lake):
    with pytest.raises(RegistryError, match="stored are: none"):
        ModelRegistry(lake, "models").promote("v9")
    with pytest.raises(RegistryError):
        ModelRegistry(lake, "models").load("../v9")


def test_readers_never_see_half_a_pointer(lake, light):
    writer = ModelRegistry(lake, "models", gate=open_gate)
    writer.publish(renamed(light, "v1"))
    writer.publish(renamed(light, "v2"), promote=False)
    reader = ModelRegistry(lake, "models")
    seen, done = [], threading.Event()

    def promote():
        for _ in range(15):
            writer.promote("v2")
        done.set()

    thread = threading.Thread(target=promote)
    thread.start()
    while not done.is_set():
        seen.append(reader.current().version)
    thread.join()
    seen.append(reader.current().version)
    assert set(seen) <= {"v1", "v2"}
    assert seen[-1] == "v2"
    assert reader.problems == ()


def test_the_first_model_needs_no_gate_and_every_other_does(lake, light):
    def closed() -> None:
        raise PromotionRefused("parity is not clean")

    shut = ModelRegistry(lake, "models", gate=closed)
    shut.publish(renamed(light, "v1"))
    with pytest.raises(PromotionRefused, match="parity is not clean"):
        shut.publish(renamed(light, "v2"))
    assert shut.versions() == ("v1",)
    ModelRegistry(lake, "models", gate=open_gate).publish(renamed(light, "v2"))
    shut.publish(renamed(light, "v3"), promote=False)
    with pytest.raises(PromotionRefused):
        shut.promote("v3")
    assert ModelRegistry(lake, "models").current().version == "v2"
    shut.promote("v1")  # the way back is open
    assert ModelRegistry(lake, "models").current().version == "v1"
    ModelRegistry(lake, "models", gate=open_gate).promote("v3")
    assert ModelRegistry(lake, "models").current().version == "v3"


def test_a_registry_without_a_gate_replaces_no_model(lake, light):
    registry = ModelRegistry(lake, "models")
    registry.publish(renamed(light, "v1"))
    with pytest.raises(PromotionRefused, match="gate="):
        registry.publish(renamed(light, "v2"))
    assert registry.current().version == "v1"


def test_a_share_makes_a_candidate_beside_the_champion_until_a_full_promotion(lake, light):
    writer, reader = ModelRegistry(lake, "models", gate=open_gate), ModelRegistry(lake, "models")
    for version in ("v1", "v2", "v3"):
        writer.publish(renamed(light, version), promote=version == "v1")
    assert reader.deployed().candidate is None
    writer.promote("v2", share=0.1, by="ann", reason="better on 40 frauds")
    deployed = reader.deployed()
    assert (deployed.champion.version, deployed.candidate.version, deployed.share) == ("v1", "v2", 0.1)
    assert reader.current().version == "v1"
    writer.promote("v3", share=0.2, by="ann")
    deployed = reader.deployed()
    assert (deployed.champion.version, deployed.candidate.version, deployed.share) == ("v1", "v3", 0.2)
    writer.promote("v3", by="bob")
    assert (reader.deployed().champion.version, reader.deployed().candidate) == ("v3", None)
    assert [(one.version, one.share, one.by) for one in writer.promotions()] == [
        ("v1", 1.0, ""),
        ("v2", 0.1, "ann"),
        ("v3", 0.2, "ann"),
        ("v3", 1.0, "bob"),
    ]


def test_a_refused_candidate_leaves_its_accounts_to_the_champion(lake, light):
    writer = ModelRegistry(lake, "models", gate=open_gate)
    writer.publish(renamed(light, "v1"))
    writer.publish(renamed(light, "v2"), promote=False)
    writer.promote("v2", share=0.5)
    tamper(lake, "v2")
    reader = ModelRegistry(lake, "models")
    assert (reader.deployed().champion.version, reader.deployed().candidate) == ("v1", None)
    assert "v2" in reader.problems[0]


@pytest.mark.parametrize("share", [0, -0.1, 1.5])
def test_a_share_that_is_none_is_refused(lake, light, share):
    writer = ModelRegistry(lake, "models", gate=open_gate)
    writer.publish(renamed(light, "v1"))
    with pytest.raises(RegistryError, match="share"):
        writer.promote("v1", share=share)


def test_a_share_needs_a_model_for_the_others(lake, light):
    writer = ModelRegistry(lake, "models", gate=open_gate)
    writer.publish(renamed(light, "v1"), promote=False)
    with pytest.raises(RegistryError, match="first model to all"):
        writer.promote("v1", share=0.5)
