"""Jars are run only if they are, byte for byte, those that were locked."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.local import jar_lock, jars
from include.local.errors import JarsChanged
from include.local.jar_lock import check, digests, holds, read, write
from include.local.jars import Bundle, bundles, fetch, hdfs_bundle, s3_bundles, s3_server_bundle
from include.settings import Settings

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
    with pytest.raises(JarsChanged, match="Find out who changed them") as refused:
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


def test_jars_that_were_changed_since_are_fetched_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lock: Path, folder: Path
) -> None:
    sound = {path.name: path.read_bytes() for path in folder.glob("*.jar")}
    fetched: list[str] = []

    def retrieve(bundle: Bundle, into: Path) -> None:
        fetched.append(bundle.name)
        for name, content in sound.items():
            (into / name).write_bytes(content)

    monkeypatch.setattr(jars, "_retrieve", retrieve)
    monkeypatch.setattr(jars, "holds", lambda place: holds(place, lock))
    monkeypatch.setattr(jars, "check", lambda place: check(place, lock))
    for count in (1, 1):  # what is sound is not fetched again
        fetch(folder.parent, [BUNDLE])
        assert len(fetched) == count
    (folder / "one-1.jar").write_bytes(b"changed by somebody")
    fetch(folder.parent, [BUNDLE])
    assert len(fetched) == 2
    assert digests(folder) == read(lock)[BUNDLE.name]


def test_locking_shows_what_changes(
    monkeypatch: pytest.MonkeyPatch, lock: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(jar_lock, "LOCK", lock)
    monkeypatch.setattr(jar_lock, "read", lambda: read(lock))
    monkeypatch.setattr(jar_lock, "write", lambda bundles: write(bundles, lock))
    monkeypatch.setattr(jar_lock, "settings", lambda: Settings(jars_dir=folder.parent))
    (folder / "one-1.jar").rename(folder / "one-2.jar")
    assert jar_lock.main() == 0
    told = capsys.readouterr().out
    assert "kafka/one-1.jar: " in told
    assert "-> gone" in told
    assert "kafka/one-2.jar: new -> " in told
    assert "two-2.jar" not in told
    assert read(lock)["other"] == {"x.jar": "00"}


def test_every_bundle_is_locked() -> None:
    everything = [*bundles(), hdfs_bundle(), *s3_bundles(), s3_server_bundle()]
    locked = read()
    assert {one.name for one in everything} == set(locked)
    for one in everything:
        assert any(one.revision in name for name in locked[one.name]), one
