"""A chain that has done two batches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.telemetry.chain import Chain
from tests.telemetry.collector import Collector, running_collector


@pytest.fixture
def arrived_at() -> datetime:
    """The broker's time of the first record."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=20)


@pytest.fixture
def chain(tmp_path: Path, arrived_at: datetime) -> Chain:
    """Two batches through every stage."""
    made = Chain.at(tmp_path)
    made.two_batches(arrived_at)
    return made


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector of traces."""
    with running_collector() as made:
        yield made
