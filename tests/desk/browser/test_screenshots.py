"""The README's pictures, taken by the command as somebody would run it."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

from include.local.screenshots import MOST_BYTES, PICTURES
from include.settings import PROJECT, Settings

_TOTAL_BYTES = 1_000_000


def test_pictures_of_the_running_desk(running: Settings, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "include.local.screenshots", "--into", str(tmp_path)],
        cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    files = {path.stem: path for path in tmp_path.iterdir()}
    assert set(files) == {picture.name for picture in PICTURES}
    for picture in PICTURES:
        assert _size(files[picture.name]) == (picture.width, picture.height)
    sizes = [path.stat().st_size for path in files.values()]
    assert max(sizes) <= MOST_BYTES
    assert sum(sizes) < _TOTAL_BYTES
    assert files["desk-queue"].read_bytes() != files["desk-queue-dark"].read_bytes()


def _size(path: Path) -> tuple[int, int]:
    """Width and height, from the header of a PNG."""
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height
