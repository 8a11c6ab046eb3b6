"""The models in the lake: every file as its manifest has it, every promotion of a stored manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from pydantic import ValidationError

from include.detection.bundle import MANIFEST, read_manifest
from include.detection.errors import ModelRefused
from include.detection.registry import Promotion
from include.governance.audit import AuditProblem
from include.governance.decisions import manifest_file
from include.stores.lake.files import Lake
from include.stores.lake.names import MODELS


def stored_versions(lake: Lake) -> list[str]:
    """Versions with a manifest; one without is not there yet."""
    return [name for name in lake.names(f"{MODELS}/versions") if lake.exists(manifest_file(name))]


def model_problems(lake: Lake) -> Iterator[AuditProblem]:
    """Files that are not as their manifest has them, and promotions of what is not stored."""
    for version in stored_versions(lake):
        yield from _check_files(lake, version)
    folder = f"{MODELS}/promotions"
    for name in lake.names(folder):
        if name.endswith(".json"):
            yield from _check_promotion(lake, f"{folder}/{name}")


def _check_files(lake: Lake, version: str) -> Iterator[AuditProblem]:
    path = manifest_file(version)
    folder = path.removesuffix(f"/{MANIFEST}")
    try:
        manifest = read_manifest(lake.read_bytes(path), f"model {version}")
    except ModelRefused as error:
        yield AuditProblem(path, str(error))
        return
    for name, expected in manifest.files.items():
        try:
            found = lake.sha256(f"{folder}/{name}")
        except FileNotFoundError:
            yield AuditProblem(f"{folder}/{name}", "expected the file its manifest lists, got none: removed")
            continue
        if found != expected:
            yield AuditProblem(
                f"{folder}/{name}",
                f"expected SHA-256 {expected[:12]}… as its manifest has it, got {found[:12]}…: changed",
            )
    for name in lake.names(folder):
        if name != MANIFEST and name not in manifest.files and ".tmp-" not in name:
            yield AuditProblem(f"{folder}/{name}", "expected only the files of its manifest, got this: added")


def _check_promotion(lake: Lake, path: str) -> Iterator[AuditProblem]:
    try:
        promotion = Promotion.model_validate_json(lake.read_bytes(path))
    except ValidationError as error:
        yield AuditProblem(path, f"expected a promotion, got {error.errors()[0]['msg']}: changed")
        return
    try:
        found = hashlib.sha256(lake.read_bytes(manifest_file(promotion.version))).hexdigest()
    except FileNotFoundError:
        yield AuditProblem(path, f"expected model {promotion.version} to be stored, got none")
        return
    if found != promotion.manifest_sha256:
        yield AuditProblem(
            path,
            f"expected the manifest of {promotion.version} with SHA-256 {promotion.manifest_sha256[:12]}…, "
            f"got {found[:12]}…: the manifest or the promotion was changed",
        )
