"""What has been written is on the disk: no power can be cut here, so the order of the calls stands for it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from include.settings import Settings
from include.stores.lake import files
from include.stores.lake.files import Lake


@pytest.mark.parametrize("write", [Lake.write_bytes, Lake.create_bytes])
def test_a_file_is_synced_before_it_has_its_name_and_its_folder_after(
    write: Callable[[Lake, str, bytes], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    target, fsync = tmp_path / "stage" / "batch.json", os.fsync

    def remember(descriptor: int) -> None:
        synced.append((Path(os.readlink(f"/proc/self/fd/{descriptor}")).name, target.exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", remember)
    write(Lake(tmp_path.as_uri(), sync=True), "stage/batch.json", b"{}")

    above, (file, had_its_name), (folder, has_it) = synced
    assert above == (tmp_path.name, False)  # it has got a new folder
    assert file.startswith("batch.json.")
    assert not had_its_name
    assert (folder, has_it) == ("stage", True)
    assert target.read_bytes() == b"{}"

    synced.clear()
    write(Lake(tmp_path.as_uri(), sync=True), "a/b/c/batch.json", b"{}")
    assert {name for name, _ in synced} >= {tmp_path.name, "a", "b", "c"}
    synced.clear()
    write(Lake(tmp_path.as_uri(), sync=True), "a/b/c/other.json", b"{}")
    assert len(synced) == 2


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBADF])
def test_where_folders_cannot_be_synced_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    fsync, folders = os.fsync, []

    def no_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            folders.append(descriptor)
            raise OSError(number, "not for folders")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", no_folders)
    lake = Lake(tmp_path.as_uri(), sync=True)
    lake.write_bytes("stage/batch.json", b"{}")
    assert lake.read_bytes("stage/batch.json") == b"{}"
    assert folders


def test_a_disk_that_cannot_sync_takes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    lake = Lake(tmp_path.as_uri(), sync=True)
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        lake.write_bytes("stage/batch.json", b"{}")
    assert lake.names("stage") == []
    assert list((tmp_path / "stage").iterdir()) == []


@pytest.mark.parametrize("wanted", ["true", "false"])
def test_the_settings_say_whether_a_lake_syncs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    monkeypatch.setattr(files, "settings", lambda: Settings(lake_sync=wanted))  # type: ignore[arg-type]
    Lake(tmp_path.as_uri()).write_bytes("stage/batch.json", b"{}")
    assert bool(synced) is (wanted == "true")
