"""A whole stack with a short stream behind it, and people in front of it, each in a browser of his or her own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from include.local.airflow_environment import address
from include.local.browser import chromium, sign_in
from include.local.secrets import load_secrets
from include.settings import HOST, PROJECT, Settings
from include.stores.cassandra.address import CassandraAddress
from tests.conftest import KafkaServer, own_stack
from tests.desk.browser.chain import Chain
from tests.desk.browser.desk import Desk, Watched
from tests.end_to_end.demos import run_demo

FOLDER = PROJECT / ".local" / "test-desk"
RECORDS = 400
_MEMORY = {"KAFKA": 256, "CASSANDRA": 512, "SPARK": 768}
_ANSWER_MILLISECONDS = 20_000

_failed = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark these tests, and put them last: the browser's event loop stays in the main thread from its start on."""
    here = Path(__file__).parent
    ours = [item for item in items if item.path.is_relative_to(here)]
    for item in ours:
        for mark in ("browser", "servers", "e2e"):
            item.add_marker(mark)
        item.add_marker(pytest.mark.timeout(900))
    items[:] = [item for item in items if item not in set(ours)] + ours


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember which tests failed: their pages are kept as pictures."""
    outcome: Any = yield
    report = outcome.get_result()
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser; there has to be one."""
    expect.set_options(timeout=_ANSWER_MILLISECONDS)
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def running(browser: Browser) -> Iterator[Settings]:
    """The whole stack after a short stream of a small bank. The browser comes first: without one nothing is begun."""
    for old in FOLDER.glob("*.png"):
        old.unlink()
    memory = {f"MEMORY__{name}": str(size) for name, size in _MEMORY.items()}
    with own_stack(FOLDER / "stack", **memory) as now:
        run_demo(FOLDER, RECORDS)
        yield now


@pytest.fixture(scope="session")
def chain(running: Settings) -> Iterator[Chain]:
    """The chain of that stack."""
    session = CassandraAddress((HOST,), running.ports.cassandra, running.keyspace).connect()
    yield Chain(running, KafkaServer(f"{HOST}:{running.ports.kafka}"), session)
    session.cluster.shutdown()


@pytest.fixture(scope="session")
def sessions(browser: Browser, running: Settings) -> Callable[[str], Any]:
    """Cookies of a person by name, after signing in once through Airflow's page."""
    secrets, known = load_secrets(running.stack_dir), dict[str, Any]()

    def session_of(name: str) -> Any:
        if name not in known:
            context = browser.new_context()
            sign_in(context.new_page(), address(running), name, getattr(secrets, name))
            known[name] = context.storage_state()
            context.close()
        return known[name]

    return session_of


OpenDesk = Callable[..., Desk]


@pytest.fixture
def desk(
    browser: Browser, running: Settings, sessions: Callable[[str], Any], request: pytest.FixtureRequest
) -> Iterator[OpenDesk]:
    """Opens the desk as somebody (None: nobody), in a window of their own; a page that complains fails the test."""
    opened: list[Desk] = []

    def open_as(name: str | None = "analyst", path: str | None = None, **options: Any) -> Desk:
        state = sessions(name) if name else None
        context = browser.new_context(
            storage_state=state, **{"viewport": {"width": 1400, "height": 900}} | options
        )
        context.set_default_timeout(_ANSWER_MILLISECONDS)
        page = context.new_page()
        one = Desk(page, address(running), name, Watched(page))
        opened.append(one)
        if path is not None:
            one.open(path)
        return one

    yield open_as
    failed = request.node.stash.get(_failed, False)
    for number, one in enumerate(opened):
        if failed:
            _picture(one.page, f"{request.node.name}-{number}-{one.name}")
        one.page.context.close()
    complaints = [complaint for one in opened for complaint in one.watched.complaints]
    assert failed or not complaints, "\n".join(complaints)


def _picture(page: Page, name: str) -> None:
    path = FOLDER / f"{re.sub('[^A-Za-z0-9_-]+', '-', name)[:120]}.png"
    page.screenshot(path=path, full_page=True)
    print(f"the page as it was: {path} ({page.url})")
