from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerts.channels.vendors import World, world_of


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The vendor of the test's module or parameter."""
    vendor = getattr(request, "param", None) or request.module.VENDOR
    with world_of(vendor, tmp_path) as running:
        yield running
