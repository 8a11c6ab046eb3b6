"""The project's folder as a DAG bundle with versions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow.dag_processing.bundles.base import BundleVersion
from airflow.dag_processing.bundles.local import LocalDagBundle

from include.settings import PROJECT

#: What a run's outcome depends on, beside what it reads.
_CODE = ("dags", "plugins", "include")
_SUFFIXES = {".cql", ".html", ".j2", ".json", ".py", ".sql", ".txt", ".yaml"}


class ProjectBundle(LocalDagBundle):  # type: ignore[misc]
    """The DAGs of this folder; a version is the hash of the code they run.

    Airflow shows with each run which version it was created with. And its scheduler asks the database, for every run
    that is under way and in every loop, for the newest version of a DAG unless the run has one: three queries, which
    were a quarter of all it did (docs/performance.md).

    Unlike a clone of a repository there is one copy: a run that began before a change goes on with the code that is
    there, as with Airflow's own local bundle.
    """

    supports_versioning = True

    def initialize(self) -> None:
        """Make ready for use; nothing is fetched."""
        if self.version:
            # What Airflow takes away once a version has not been used for long, and expects to be there.
            (self.versions_dir / self.version).mkdir(parents=True, exist_ok=True)
        super().initialize()

    def get_current_version(self) -> Any:
        """The hash of what is there now."""
        return BundleVersion(version=version_of(PROJECT))


def version_of(folder: Path) -> str:
    """SHA-256 of names and content of all code below a project's folder, the first 16 digits."""
    digest = hashlib.sha256()
    for path in sorted(_files(folder)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    for part in _CODE:
        for path in (folder / part).rglob("*"):
            if path.suffix in _SUFFIXES and path.is_file():
                yield path
