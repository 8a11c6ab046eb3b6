from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from include.detection.bundle import ModelBundle
from include.detection.errors import ModelRefused
from include.detection.matrix import feature_matrix


@pytest.fixture
def saved(light, tmp_path: Path) -> Path:
    light.save(tmp_path / "model")
    return tmp_path / "model"


def change_manifest(directory: Path, **changes) -> None:
    path = directory / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_saved_and_loaded_scores_alike(light, saved, fresh, make):
    loaded = ModelBundle.load(saved, make.names)
    matrix = feature_matrix(fresh.features, light.features)
    for one, other in zip(
        (light.booster, *light.anomaly_detectors), (loaded.booster, *loaded.anomaly_detectors), strict=True
    ):
        np.testing.assert_array_equal(one.score(matrix), other.score(matrix))
    np.testing.assert_array_equal(
        light.booster.contributions(matrix[:20]), loaded.booster.contributions(matrix[:20])
    )
    assert (loaded.policy, loaded.calibration, loaded.profile) == (
        light.policy,
        light.calibration,
        light.profile,
    )
    assert loaded.version == light.version


def test_every_file_is_in_the_manifest_and_none_is_a_pickle(saved):
    files = set(json.loads((saved / "manifest.json").read_text())["files"])
    assert files == {path.name for path in saved.iterdir()} - {"manifest.json"}
    assert not any((saved / name).read_bytes().startswith(b"\x80") for name in files)


@pytest.mark.parametrize("name", ["gradient_boosting.ubj", "isolation_forest.skops", "policy.json"])
def test_a_changed_file_is_refused(saved, name):
    data = bytearray((saved / name).read_bytes())
    data[len(data) // 2] ^= 1
    (saved / name).write_bytes(data)
    with pytest.raises(ModelRefused, match="SHA-256"):
        ModelBundle.load(saved)


def test_missing_and_added_files_are_refused(saved):
    (saved / "profile.json").rename(saved / "other.json")
    with pytest.raises(ModelRefused, match=r"missing: profile\.json, not listed: other\.json"):
        ModelBundle.load(saved)


def test_a_pickle_is_refused_even_when_it_is_listed(saved):
    files = json.loads((saved / "manifest.json").read_text())["files"]
    (saved / "model.pkl").write_bytes(b"\x80\x04N.")
    change_manifest(saved, files={**files, "model.pkl": "0" * 64})
    with pytest.raises(ModelRefused, match="pickles"):
        ModelBundle.load(saved)


def test_another_feature_schema_is_refused(saved, make):
    with pytest.raises(ModelRefused, match="unknown to the model: brand_new"):
        ModelBundle.load(saved, (*make.names, "brand_new"))
    with pytest.raises(ModelRefused, match="feature schema"):
        ModelBundle.load(saved, tuple(reversed(make.names)))
    change_manifest(saved, features=list(reversed(make.names)))
    with pytest.raises(ModelRefused, match="hash"):
        ModelBundle.load(saved)


@pytest.mark.parametrize(("library", "other"), [("xgboost", "99.0.0"), ("scikit-learn", "1.2.0")])
def test_another_library_version_is_refused(saved, library, other):
    libraries = json.loads((saved / "manifest.json").read_text())["libraries"]
    change_manifest(saved, libraries={**libraries, library: other})
    with pytest.raises(ModelRefused, match=f"{library}.*got {other}"):
        ModelBundle.load(saved)


def test_library_versions_were_found(light):
    assert "none" not in light.manifest.libraries.values()


def test_no_manifest_no_model(tmp_path):
    with pytest.raises(ModelRefused, match=r"manifest\.json"):
        ModelBundle.load(tmp_path)


def test_a_directory_in_use_is_not_written_to(light, saved):
    with pytest.raises(FileExistsError, match="empty"):
        light.save(saved)
