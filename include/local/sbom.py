"""``make sbom``: the bill of materials of an installation, as CycloneDX 1.6 in JSON.

Python packages are those of ``requirements.lock`` that are installed here, with the hashes the lock holds them to and
the licence they declare; jars are those of the embedded servers and of Spark, with their coordinates on Maven Central
and their own hash.
"""

from __future__ import annotations

import hashlib
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from include.local.jars import bundles, spark_home
from include.settings import PROJECT, settings

_PINNED = re.compile(r"(?P<name>[A-Za-z0-9_.\-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_JAR = re.compile(r"(?P<artifact>.+?)-(?P<version>\d[\w.\-]*)\.jar")


@dataclass(frozen=True, slots=True)
class Locked:
    """A package of the lock.

    Attributes
    ----------
    hashes
        SHA-256 of every file of the release that may be installed.
    """

    name: str
    version: str
    hashes: tuple[str, ...]


def locked(lock: str) -> Iterator[Locked]:
    """Packages of a lock file's text."""
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock):
        if pinned := _PINNED.match(block):
            yield Locked(pinned["name"], pinned["version"], tuple(_HASH.findall(block)))


def bill(jars_dir: Path, lock: str) -> Bom:
    """The bill of what is installed.

    Raises
    ------
    FileNotFoundError
        The jars have not been fetched yet.
    """
    bom = Bom()
    bom.metadata.component = Component(name="tidewatch", version="0.1.0", type=ComponentType.APPLICATION)
    for package in locked(lock):
        if (component := _package(package)) is not None:
            bom.components.add(component)
    for folder, group in _jar_folders(jars_dir):
        for path in sorted(folder.glob("*.jar")):
            bom.components.add(_jar(path, group))
    bom.register_dependency(bom.metadata.component, bom.components)
    return bom


def document(bom: Bom) -> str:
    """The bill as JSON."""
    return str(JsonV1Dot6(bom).output_as_string(indent=1))


def _package(package: Locked) -> Component | None:
    try:
        about = metadata(package.name)
    except PackageNotFoundError:
        return None  # of another platform
    return Component(
        name=package.name,
        version=package.version,
        type=ComponentType.LIBRARY,
        purl=PackageURL("pypi", None, package.name, package.version),
        bom_ref=f"pypi:{package.name}@{package.version}",
        licenses=_licence(about),
        # Of every wheel and the source: which of them was installed, pip has checked and forgotten.
        properties=[Property(name="tidewatch:lock:sha256", value=value) for value in package.hashes],
    )


def _licence(about: Any) -> list[Any]:
    said = about.get("License-Expression") or about.get("License") or ""
    if not said or len(said) > 100:  # some put the whole text there
        named = [one for one in about.get_all("Classifier") or [] if one.startswith("License ::")]
        said = named[-1].rpartition(":: ")[2] if named else ""
    return [LicenseFactory().make_from_string(said)] if said else []


def _jar_folders(jars_dir: Path) -> Iterator[tuple[Path, str]]:
    for bundle in bundles(settings().lake):
        folder = jars_dir / bundle.name
        if not folder.is_dir():
            raise FileNotFoundError(
                f"expected the jars of {bundle.name} in {folder}, got none; run `make setup` first"
            )
        yield folder, bundle.group
    yield spark_home() / "jars", "org.apache.spark"


def _jar(path: Path, group: str) -> Component:
    named = _JAR.fullmatch(path.name)
    artifact, revision = (named["artifact"], named["version"]) if named else (path.stem, "unknown")
    coordinates = _coordinates(path, artifact)
    own = coordinates is None and artifact.startswith(("kafka", "connect", "spark", "cassandra"))
    where = (coordinates or {}).get("groupId", group if own else None)
    artifact, revision = (
        (coordinates or {}).get("artifactId", artifact),
        (coordinates or {}).get("version", revision),
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Component(
        name=artifact,
        group=where,
        version=revision,
        type=ComponentType.LIBRARY,
        purl=PackageURL("maven", where, artifact, revision) if where else None,
        bom_ref=f"jar:{path.parent.name}/{path.name}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        properties=[Property(name="tidewatch:file", value=f"{path.parent.name}/{path.name}")],
    )


def _coordinates(path: Path, artifact: str) -> Mapping[str, str] | None:
    """What the jar's own ``pom.properties`` says; None without one, or with several of what was shaded in."""
    with zipfile.ZipFile(path) as jar:
        names = [name for name in jar.namelist() if re.fullmatch(r"META-INF/maven/.+/pom\.properties", name)]
        mine = names if len(names) == 1 else [name for name in names if name.split("/")[-2] == artifact]
        if len(mine) != 1:
            return None
        lines = jar.read(mine[0]).decode("utf-8", "replace").splitlines()
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    found = {name.strip(): value.strip() for name, _, value in pairs if value.strip()}
    return found if {"groupId", "artifactId", "version"} <= set(found) else None


def main() -> int:
    """Write ``sbom.cdx.json`` among the reports and say what is in it."""
    bom = bill(settings().jars_dir, (PROJECT / "requirements.lock").read_text())
    folder = settings().reports_dir
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sbom.cdx.json"
    path.write_text(document(bom), encoding="utf-8")
    python = sum(str(one.bom_ref.value).startswith("pypi:") for one in bom.components)
    nameless = sum(one.purl is None for one in bom.components)
    print(
        f"{python} Python packages, {len(bom.components) - python} jars, {nameless} of them without coordinates"
    )
    print(f"written: {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
