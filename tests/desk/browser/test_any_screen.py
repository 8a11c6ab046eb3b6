"""Pages on screens of every width, and their dialogs, over a bank in memory: nothing but a browser is needed."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, Route, expect

from include.alerts.delivery import STAFF, Delivery
from include.cases.case import Status
from plugins.fraud_desk.access import Role
from tests.desk.bank import MemoryBank
from tests.desk.browser.desk import Watched
from tests.desk.conftest import PREFIX
from tests.desk.serve import COLLEAGUES, filled, served

ADDRESS = "fraud-lead.of-the-night@bank.example"
WIDTHS = (390, 1280)
_START_SECONDS = 30
_STEP_MILLISECONDS = 10_000


@dataclass
class Invented:
    """The desk over an invented bank, for an approver with a long name."""

    bank: MemoryBank
    address: str

    def alert(self, status: Status = Status.OPEN) -> uuid.UUID:
        """An alert that stands so, with alerts joined to it where there are such."""
        stores = self.bank.stores()
        known = [one.alert_id for one in stores.alerts.get_many(self.ids).values()]
        repeats = stores.handlings.repeats(known)
        cases = stores.casework.current(known)
        standing = [one for one in known if cases[one].status is status]
        return max(standing, key=lambda one: len(repeats.get(one, ())))

    @property
    def ids(self) -> list[uuid.UUID]:
        """Of all alerts."""
        return sorted(self.bank.stores().alerts._alerts)  # type: ignore[attr-defined]


OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invented]:
    """The desk, served by a thread."""
    bank = filled(tmp_path_factory.mktemp("invented"), 90)
    server = uvicorn.Server(
        uvicorn.Config(served(bank, Role.APPROVER, "approver"), port=0, log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + _START_SECONDS
    while not server.started:
        assert time.monotonic() < until, f"the desk was not served within {_START_SECONDS} s"
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Invented(bank, f"http://127.0.0.1:{port}{PREFIX}")
    server.should_exit = True
    thread.join(_START_SECONDS)


@pytest.fixture
def look(browser: Browser, invented: Invented) -> Iterator[OpenPage]:
    """Opens a page of it in a window of some width; what the page complains of fails the test."""
    opened: list[tuple[Page, Watched]] = []

    def at(path: str, width: int = 1280, forgive: str | None = None) -> Page:
        page = browser.new_context(viewport={"width": width, "height": 844}).new_page()
        page.set_default_timeout(_STEP_MILLISECONDS)
        opened.append((page, Watched(page)))
        if forgive is not None:
            opened[-1][1].forgive(forgive)
        page.goto(invented.address + path)
        return page

    yield at
    for page, _ in opened:
        page.context.close()
    assert [complaint for _, watched in opened for complaint in watched.complaints] == []


def told(invented: Invented, alert_id: uuid.UUID) -> None:
    """Somebody with a long address is told of an alert."""
    now = datetime.now(UTC)
    invented.bank.stores().outbox.enqueue(
        [Delivery(uuid.uuid4(), alert_id, "email", ADDRESS, STAFF, "en", now, now)]
    )


def test_enter_assigns_and_cancel_does_not(invented: Invented, look: OpenPage) -> None:
    alert_id = invented.alert()
    page = look(f"/alerts/{alert_id}")
    page.get_by_role("button", name="Assign …").click()
    dialog = page.get_by_role("dialog", name="Assign")
    dialog.get_by_label("Who is to work on it").fill("somebody else")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    assert invented.bank.stores().casework.current([alert_id])[alert_id].assignee is None
    page.get_by_role("button", name="Assign …").click()
    dialog.get_by_label("Who is to work on it").fill("bela")
    dialog.get_by_label("Who is to work on it").press("Enter")
    expect(page.locator("#says")).to_contain_text("Alert assigned")
    assert invented.bank.stores().casework.current([alert_id])[alert_id].assignee == "bela"


def test_a_name_nobody_has_is_refused_and_told(invented: Invented, look: OpenPage) -> None:
    alert_id = invented.alert()
    page = look(f"/alerts/{alert_id}", forgive="status of 422")
    page.get_by_role("button", name="Assign …").click()
    dialog = page.get_by_role("dialog", name="Assign")
    assert dialog.locator("datalist option").all_text_contents() == sorted(COLLEAGUES)
    dialog.get_by_label("Who is to work on it").fill("bella")
    dialog.get_by_role("button", name="Assign").click()
    expect(page.locator("#says")).to_contain_text("anna, bela")
    expect(page.locator("#says")).to_contain_text("bella")
    assert invented.bank.stores().casework.current([alert_id])[alert_id].assignee is None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ([], "Nothing waits."),
        (["Promote <b>one</b>?"], "1 question to answer in Airflow."),
        (["Promote A?", "May this go live?"], "2 questions to answer in Airflow."),
        (None, "Airflow does not say what waits"),
    ],
)
def test_what_waits_for_a_person_is_asked_of_airflow(
    look: OpenPage, asked: list[str] | None, told: str
) -> None:
    """Airflow's API is answered for here; on the real one it is asked in ``test_access``."""
    page = look("/reports", forgive="ERR_FAILED" if asked is None else None)

    def answer(route: Route) -> None:
        if asked is None:
            route.abort()
            return
        run = {"dag_id": "approve_model", "dag_run_id": "manual__1+00:00", "task_id": "approve"}
        made = [{"subject": one, "created_at": "2026-11-24T10:00:00Z", "task_instance": run} for one in asked]
        route.fulfill(json={"hitl_details": made, "total_entries": len(made)})

    page.route("**/api/v2/dags/~/dagRuns/~/hitlDetails**", answer)
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Models").click()
    expect(page.locator("#approvals-words")).to_contain_text(told)
    links = page.locator("#approvals-list a")
    assert links.all_text_contents() == (asked or [])
    for link in links.all():
        place = "/dags/approve_model/runs/manual__1%2B00%3A00/tasks/approve/required_actions"
        assert (link.get_attribute("href") or "").endswith(place)


def test_a_comment_is_asked_for_as_a_comment(invented: Invented, look: OpenPage) -> None:
    page = look(f"/alerts/{invented.alert()}")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#act-comment-name")).to_have_text("Comment")


def test_enter_suppresses(invented: Invented, look: OpenPage) -> None:
    page = look("/suppressions")
    page.get_by_role("button", name="Suppress …").click()
    dialog = page.get_by_role("dialog", name="Suppress")
    dialog.get_by_label("Why").fill("tested")
    dialog.get_by_label("Which").fill("DE-entered")
    dialog.get_by_label("Which").press("Enter")
    expect(page.locator("#says")).to_contain_text("is suppressed")
    assert "DE-entered" in {one.value for one in invented.bank.stores().suppressions.all()}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("place", ["alert", "list"])
def test_addresses_are_not_cut_into_letters(
    invented: Invented, look: OpenPage, place: str, width: int
) -> None:
    alert_id = invented.alert()
    told(invented, alert_id)
    page = look(f"/alerts/{alert_id}" if place == "alert" else "/deliveries", width)
    shown = page.locator(".address", has_text=ADDRESS).first
    lines = shown.evaluate(
        "one => new Set([...one.children].flatMap(part => [...part.getClientRects()].map(box => box.top))).size"
    )
    assert 1 <= lines <= 2  # before its @ and nowhere else


@pytest.mark.parametrize("name", ["overview", "alert", "account", "counterparty"])
def test_charts_end_within_a_phone(invented: Invented, look: OpenPage, name: str) -> None:
    alert_id = invented.alert()
    alert = invented.bank.stores().alerts.get(alert_id)
    assert alert is not None
    paths = {
        "overview": "/",
        "alert": f"/alerts/{alert_id}",
        "account": f"/accounts/{alert.account_id}",
        "counterparty": f"/counterparties/{alert.counterparty_id}",
    }
    page = look(paths[name], 390)
    marks = page.locator("svg.chart:visible").locator("rect, circle, text:not(.second)")
    ends = marks.evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert ends
    assert max(ends) <= 390
    sizes = page.locator("svg.chart:visible text").evaluate_all(
        "all => all.filter(one => one.checkVisibility()).map(one => one.getBoundingClientRect().height)"
    )
    assert all(size >= 9 for size in sizes)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_current_section_is_in_sight(look: OpenPage, width: int) -> None:
    page = look("/reports", width)
    tab = page.get_by_role("navigation", name="Sections").get_by_role("link", name="Reports")
    box, nav = tab.bounding_box(), page.locator(".sections").bounding_box()
    assert box
    assert nav
    assert nav["x"] - 1 <= box["x"]
    assert box["x"] + box["width"] <= nav["x"] + nav["width"] + 1
    cut = page.locator(".sections").get_attribute("class") or ""
    assert ("cut-left" in cut) == (width == 390)
    assert "cut-right" not in cut


def test_filters_are_folded_on_a_phone(look: OpenPage) -> None:
    page = look("/queue", 390)
    expect(page.get_by_label("Severity")).to_be_hidden()
    page.get_by_role("button", name="Filters and order").click()
    expect(page.get_by_label("Severity")).to_be_visible()
    expect(look("/queue?severity=HIGH", 390).get_by_label("Severity")).to_be_visible()
    expect(look("/queue").get_by_label("Severity")).to_be_visible()


def test_a_report_stands_in_the_list_once_its_run_is_over(invented: Invented, look: OpenPage) -> None:
    """Airflow's API is answered for here; what the desk itself does is real."""
    page = look("/reports")
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.method)
        if len(asked) == 3:
            write_report(invented.bank)
        state = "success" if len(asked) >= 3 else "running"
        route.fulfill(json={"state": state})

    page.route("**/api/v2/dags/build_reports/dagRuns**", answer)
    page.get_by_label("Day").fill("2026-11-24")
    page.get_by_role("button", name="Make it").first.click()
    expect(page.locator("#report-run")).to_contain_text("Done", timeout=20_000)
    expect(page.locator("#days")).to_contain_text("2026-11-24")
    assert asked == ["POST", "GET", "GET"]


def write_report(bank: MemoryBank) -> None:
    """One report in the list."""
    entry = {
        "kind": "daily", "period": "2026-11-24", "made_at": "2026-11-25T00:30:00Z", "so_far": False,
        "digest": "d", "transactions": 1234, "alerts": 12, "precision": 0.5,
    }  # fmt: skip
    bank.lake.write_json("reports/index.json", [entry])
