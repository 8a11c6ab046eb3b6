"""A disk without room: a write fails, nothing half-written counts or stays, and the next try succeeds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import PROJECT
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage

# A process may write no file above a size: the write breaks off in the middle, as on a full disk.
_WRITE = """
import resource, signal, sys
from include.stores.lake.files import Lake
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    getattr(Lake(sys.argv[1]), sys.argv[2])("cursors/accepted.json", b"x" * 100_000)
except OSError as error:
    sys.exit(f"OSError {error.errno}")
"""


@pytest.mark.parametrize("write", ["write_bytes", "create_bytes"])
def test_what_was_there_stays_and_nothing_is_left_over(tmp_path: Path, write: str) -> None:
    lake = Lake(tmp_path.as_uri())
    before = b""
    if write == "write_bytes":
        BatchLedger(lake).complete(Stage.ACCEPTED, 0, {"accepted": 3})
        before = lake.read_bytes("cursors/accepted.json")
    done = subprocess.run(
        [sys.executable, "-c", _WRITE, lake.uri, write],
        cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "OSError" in done.stderr
    left = [path for path in (tmp_path / "cursors").iterdir() if path.name != "accepted.json"]
    assert left == []
    if write == "write_bytes":
        assert lake.read_bytes("cursors/accepted.json") == before
        BatchLedger(lake).complete(Stage.ACCEPTED, 1, {"accepted": 4})
        assert BatchLedger(lake).cursor(Stage.ACCEPTED).totals == {"accepted": 7}
    else:
        lake.create_bytes("cursors/accepted.json", b"whole")


def test_the_room_that_is_left_is_known_before_the_lake_is_there(tmp_path: Path) -> None:
    free = Lake((tmp_path / "not" / "there").as_uri()).free_bytes()
    assert free
    assert free > 0
