"""The bundle: everything a decision needs, in one directory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from include.detection.calibration import Calibration
from include.detection.decision import DecisionPolicy
from include.detection.detectors import (
    ANOMALY_DETECTORS,
    AnomalyDetector,
    GradientBoosting,
)
from include.detection.errors import ModelRefused
from include.detection.manifest import Manifest, check_compatible
from include.detection.profile import FeatureProfile

Floats = npt.NDArray[np.float64]

MANIFEST = "manifest.json"
_Record = TypeVar("_Record", bound=BaseModel)
_SUFFIXES = (".ubj", ".skops", ".json")


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """A trained model with all that turns its scores into decisions and reasons."""

    booster: GradientBoosting
    anomaly_detectors: tuple[AnomalyDetector, ...]
    calibration: Calibration
    policy: DecisionPolicy
    profile: FeatureProfile
    manifest: Manifest

    @property
    def version(self) -> str:
        """Id of this version."""
        return self.manifest.version

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features it reads, in its order."""
        return self.manifest.features

    def probability(self, matrix: Floats) -> Floats:
        """Calibrated probability of fraud of rows of ``include.detection.matrix``: shape (n, f) → (n,)."""
        return self.calibration.probability(self.booster.score(matrix))

    def save(self, directory: Path) -> Self:
        """Write all files and, last, a manifest with their hashes; returns the bundle with that manifest.

        Parameters
        ----------
        directory
            New or empty.

        Raises
        ------
        FileExistsError
            The directory holds something already.
        """
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise FileExistsError(
                f"expected an empty directory to save model {self.version} to, "
                f"got {directory} with files in it; choose another"
            )
        for detector in (self.booster, *self.anomaly_detectors):
            detector.save(directory)
        for name, record in self._records().items():
            (directory / name).write_text(record.model_dump_json(indent=1), encoding="utf-8")
        files = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(directory.iterdir())
        }
        manifest = self.manifest.model_copy(update={"files": files})
        (directory / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        return replace(self, manifest=manifest)

    @classmethod
    def load(cls, directory: Path, features: Sequence[str] | None = None) -> Self:
        """Read and check what ``save`` wrote.

        Parameters
        ----------
        directory
            Of one version.
        features
            The features this release computes; a model with others is refused. None: not checked.

        Raises
        ------
        ModelRefused
            A file is missing, added, changed, of a kind that is never read (pickle), or the model is
            incompatible with this installation.
        """
        manifest = _record(directory / MANIFEST, Manifest)
        _check_files(directory, manifest)
        check_compatible(manifest, features)
        return cls(
            booster=GradientBoosting.load(directory),
            anomaly_detectors=tuple(kind.load(directory) for kind in ANOMALY_DETECTORS),
            calibration=_record(directory / "calibration.json", Calibration),
            policy=_record(directory / "policy.json", DecisionPolicy),
            profile=_record(directory / "profile.json", FeatureProfile),
            manifest=manifest,
        )

    def _records(self) -> dict[str, BaseModel]:
        return {
            "calibration.json": self.calibration,
            "policy.json": self.policy,
            "profile.json": self.profile,
        }


def read_manifest(text: bytes, origin: str) -> Manifest:
    """Parse a manifest.

    Raises
    ------
    ModelRefused
        It is not one.
    """
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ModelRefused(
            f"{origin}: expected the manifest of a model, got {error.error_count()} errors, "
            f"the first: {error.errors()[0]['msg']}; publish the model again"
        ) from error


def check_names(manifest: Manifest) -> None:
    """Refuse files of a kind that is never read, and names that lead out of the directory.

    Raises
    ------
    ModelRefused
        The manifest lists such a file.
    """
    for name in manifest.files:
        if not name.endswith(_SUFFIXES) or Path(name).name != name:
            raise ModelRefused(
                f"model {manifest.version}: expected only {', '.join(_SUFFIXES)} files, got {name!r}; "
                "pickles and other code-carrying formats are never read, train and publish the model again"
            )


def _check_files(directory: Path, manifest: Manifest) -> None:
    check_names(manifest)
    found = {path.name for path in directory.iterdir()} - {MANIFEST}
    if found != set(manifest.files):
        missing, foreign = sorted(set(manifest.files) - found), sorted(found - set(manifest.files))
        raise ModelRefused(
            f"model {manifest.version}: expected exactly the files of its manifest, missing: "
            f"{', '.join(missing) or 'none'}, not listed: {', '.join(foreign) or 'none'}; "
            "publish the model again"
        )
    for name, expected in manifest.files.items():
        got = hashlib.sha256((directory / name).read_bytes()).hexdigest()
        if got != expected:
            raise ModelRefused(
                f"model {manifest.version}: expected {name} with SHA-256 {expected[:12]}…, got {got[:12]}…; "
                "the file was changed after training: do not use it, find out who wrote it"
            )


def _record(path: Path, kind: type[_Record]) -> _Record:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelRefused(
            f"{path.name}: expected a {kind.__name__} in JSON, got {str(error)[:300]}; "
            "publish the model again"
        ) from error
