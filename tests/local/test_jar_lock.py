"""Jars are run only if they are, byte for byte, those that were locked."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.local import jars
from include.local.errors import JarsChanged
from include.local.jar_lock import check, digests, read, write
from include.local.jars import Bundle, bundles, fetch, hdfs_bundle, s3_bundles, s3_server_bundle

BUNDLE = Bundle("kafka", "g", "a", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle of two jars."""
    folder = tmp_path / "jars" / BUNDLE.name
    folder.mkdir(parents=True)
    for name in ("one-1.jar", "two-2.jar"):
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def lock(folder: Path, tmp_path: Path) -> Path:
    """The lock of that bundle."""
    lock = tmp_path / "jars.lock"
    write({BUNDLE.name: digests(folder), "other": {"x.jar": "00"}}, lock)
    return lock


def test_the_locked_jars_are_taken(folder: Path, lock: Path) -> None:
    assert read(lock)[BUNDLE.name] == digests(folder)
    check(folder, lock)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("one-1.jar", b"another", "one-1.jar: expected "),
        ("three-3.jar", b"three", "three-3.jar: expected no such jar, got "),
        ("two-2.jar", None, "got none"),
    ],
)
def test_others_are_refused(folder: Path, lock: Path, name: str, content: bytes | None, told: str) -> None:
    (folder / name).unlink(missing_ok=True)
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(JarsChanged, match="find out who changed them") as refused:
        check(folder, lock)
    assert told in str(refused.value)


def test_what_is_refused_is_not_there_to_be_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def retrieve(bundle: Bundle, into: Path) -> None:
        (into / "kafka_2.13-4.3.0.jar").write_bytes(b"not from Apache")

    monkeypatch.setattr(jars, "_retrieve", retrieve)
    for _ in range(2):  # the second time, too
        with pytest.raises(JarsChanged):
            fetch(tmp_path, [bundles()[0]])
    assert not (tmp_path / "kafka" / "COMPLETE").exists()


def test_every_bundle_is_locked() -> None:
    everything = [*bundles(), hdfs_bundle(), *s3_bundles(), s3_server_bundle()]
    locked = read()
    assert {one.name for one in everything} == set(locked)
    for one in everything:
        assert any(one.revision in name for name in locked[one.name]), one
