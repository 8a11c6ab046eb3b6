"""What has been written is on the disk: no power can be cut here, so the order of the calls stands for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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
    write(Lake(tmp_path.as_uri()), "stage/batch.json", b"{}")

    (file, had_its_name), (folder, has_it) = synced
    assert file.startswith("batch.json.")
    assert not had_its_name
    assert (folder, has_it) == ("stage", True)
    assert target.read_bytes() == b"{}"


def test_a_disk_that_cannot_sync_takes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    lake = Lake(tmp_path.as_uri())
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        lake.write_bytes("stage/batch.json", b"{}")
    assert lake.names("stage") == []
    assert list((tmp_path / "stage").iterdir()) == []
