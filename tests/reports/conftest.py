"""Lakes of small banks."""

from __future__ import annotations

import pytest

from include.stores.lake.files import Lake
from tests.reports.small_bank import SmallBank, busy


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake((tmp_path / "lake").as_uri())


@pytest.fixture
def bank(lake: Lake) -> SmallBank:
    return busy(lake, seed=3)
