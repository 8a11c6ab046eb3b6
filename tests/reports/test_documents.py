"""Reports and case files as pages and PDFs: what is in them, and that no text breaks them."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts.alert import Alert
from include.alerts.delivery import CUSTOMER
from include.cases.actions import apply
from include.cases.case import Action, Case, CaseEvent
from include.pipeline.reporting import Sources, build
from include.reports.archive import folder_of, read_report
from include.reports.case_file import CaseFile, case_file, is_unchanged
from include.reports.case_pdf import case_pdf
from include.reports.figures import Report, SuppressionNote
from include.reports.layout import count, money
from include.reports.pdf_text import printable
from include.reports.report_page import report_page
from include.reports.report_pdf import report_pdf
from include.reports.summary import Subscriber, summary
from include.transactions.labels import LabelEvent
from tests.alerts.examples import ACCOUNT, NOON, alert, delivery
from tests.cases.examples import deed
from tests.reports.pdf_reader import text_of
from tests.reports.small_bank import SmallBank
from tests.reports.test_reporting import DAY, LATER

anything = st.text(max_size=400)
nasty = '</td><script>alert(1)</script> & "x" \' \u202e \x00 Ж € \U0001f600 (a\\b) ' + "w" * 500


@pytest.fixture
def report(bank: SmallBank) -> Report:
    build(bank.lake, DAY, Sources(), LATER)
    found = read_report(bank.lake, DAY)
    assert found is not None
    return found


def with_text(report: Report, text: str) -> Report:
    note = SuppressionNote(
        scope="rule", value=text, reason=text, author=text, since=DAY.since, until=DAY.until
    )
    return report.model_copy(update={"suppressions": (note,)})


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(report: Report) -> None:
    page = report_page(with_text(report, nasty))
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    names = [name for name, _ in tags.seen]
    assert not {"script", "link", "img", "iframe", "object"} & set(names)
    assert not [value for _, found in tags.seen for name, value in found.items() if name in ("src", "href")]
    assert not [name for _, found in tags.seen for name in found if name.startswith("on")]
    assert names.count("svg") >= 4
    assert "url(" not in page


def test_page_and_pdf_say_the_figures(report: Report, bank: SmallBank) -> None:
    page, pdf = report_page(report), " ".join(text_of(report_pdf(report)).split())
    said = [
        count(report.activity.scored),
        count(report.activity.alerted),
        *(money(amount, currency) for currency, amount in report.activity.total.amounts.items()),
        *(money(amount, currency) for currency, amount in report.outcome.missed.amounts.items()),
        "2026-11-03",
        report.digest[:12],
    ]
    assert len(said) > 6
    for text in said:
        assert text in page
        assert text in pdf


def test_stored_files_are_those_of_the_report(report: Report, bank: SmallBank) -> None:
    folder = folder_of(DAY)
    assert bank.lake.read_bytes(f"{folder}/report.html").decode() == report_page(report)
    assert bank.lake.read_bytes(f"{folder}/report.pdf") == report_pdf(report)


def test_the_charts_are_in_the_pdf(report: Report) -> None:
    text = text_of(report_pdf(report))
    for title in ("Transactions an hour", "Alerts an hour", "Labelled frauds", "hour (UTC)"):
        assert title in text


@settings(deadline=None, max_examples=40)
@given(anything)
def test_no_text_breaks_a_report(text: str) -> None:
    report = with_text(EMPTY, text)
    _Tags().feed(report_page(report))
    assert report_pdf(report).startswith(b"%PDF-")


@given(st.text())
def test_printable_text_is_windows_1252_without_control_characters(text: str) -> None:
    shown = printable(text)
    encoded = shown.encode("cp1252")
    assert not [byte for byte in encoded if byte < 32 and byte != 10]
    assert printable(shown) == shown


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_stays(text: str) -> None:
    assert printable(text) == text


def history(*comments: str) -> tuple[Alert, Case, list[CaseEvent]]:
    one = alert()
    case, events = Case(one.alert_id), []
    for number, comment in enumerate(comments):
        at = NOON + timedelta(minutes=number)
        event = apply(case, deed(Action.COMMENT, comment=comment, at=at))
        events.append(event)
        case = event.case
    event = apply(case, deed(Action.CONFIRM_FRAUD, at=NOON + timedelta(hours=1)))
    return one, event.case, [*events, event]


def file_of(text: str, made_by: str = "ann") -> CaseFile:
    one, case, events = history(text if text.strip() else "so")
    one = dataclasses.replace(
        one, reasons=(text, "amount is 14 times the usual"), features={"amount_value": float("nan")}
    )
    stored = [dataclasses.replace(_transaction(number), counterparty_id=text) for number in range(3)]
    deliveries = [delivery(one, last_error=text)]
    labels = [LabelEvent("T-1", ACCOUNT, True, "ANALYST", NOON)]
    return case_file(one, case, events, stored, deliveries, labels, made_by, NOON + timedelta(days=1))


@dataclasses.dataclass(frozen=True)
class _Stored:
    transaction_id: str
    occurred_at: object
    amount: object = alert().amount
    account_id: str = ACCOUNT
    counterparty_id: str = "M"
    currency: str = "EUR"
    transaction_type: str = "TRANSFER"
    channel: str = "MOBILE"
    country: str = "PT"
    device_id: str | None = None


def _transaction(number: int) -> _Stored:
    return _Stored(f"T-{number}", NOON + timedelta(minutes=number))


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=4_000) | st.just("W" * 4_000) | st.just("\n" * 500) | st.just("Ж" * 3_999))
def test_no_text_breaks_a_case_file(text: str) -> None:
    file = file_of(text)
    document = file.to_json()
    assert is_unchanged(document)
    assert json.loads(document)["content"]["decision"]["reasons"][0] == text
    assert file.sha256 in re.sub(r"\s", "", text_of(case_pdf(file)))


def test_a_case_file_says_everything() -> None:
    text = text_of(case_pdf(file_of("called her: not her payment, 5 €")))
    for said in ("DE89370400440532013000", "T-1", "1,234.50 EUR", "confirm fraud", "amount is 14 times the usual",
                 "2026-02-27.1", "9f3c21a", "new_device_large_amount", "fraud-desk@example.com", "analyst",
                 "called her: not her payment, 5 €"):  # fmt: skip
        assert said in " ".join(text.split()), said


def test_long_comments_are_told_in_full() -> None:
    comment = " ".join(f"word{number}" for number in range(400))
    assert comment in " ".join(text_of(case_pdf(file_of(comment))).split())


def test_a_case_file_tells_no_customers_address() -> None:
    told = delivery(
        alert(),
        recipient="jane.doe@mail.example",
        audience=CUSTOMER,
        last_error="550 Jane.Doe@mail.example unknown",
    )
    file = dataclasses.replace(file_of("x"), deliveries=(told,))
    (written,) = json.loads(file.to_json())["content"]["deliveries"]
    assert (written["recipient"], written["last_error"]) == (
        "j••••@mail.example",
        "550 j••••@mail.example unknown",
    )
    assert "jane" not in text_of(case_pdf(file)).lower()


def test_the_digest_is_of_the_content_alone() -> None:
    file = file_of("x")
    other = case_file(file.alert, file.case, file.history[::-1], file.transactions[::-1], file.deliveries,
                      file.labels, "bob", NOON + timedelta(days=9))  # fmt: skip
    assert other.sha256 == file.sha256
    assert other.to_json() != file.to_json()
    assert file_of("y").sha256 != file.sha256


@pytest.mark.parametrize("change", [(b"1234.5000", b"1234.5001"), (b"CONFIRMED", b"DISMISSED"), (b"{", b"[")])
def test_a_changed_document_is_found(change: tuple[bytes, bytes]) -> None:
    document = file_of("x").to_json()
    assert change[0] in document
    assert not is_unchanged(document.replace(*change))


def test_summaries_say_the_figures_in_two_languages(report: Report) -> None:
    for language, word in (("en", "alerts"), ("de", "Alarme")):
        subject, paragraphs = summary(report, language, "https://desk/reports/daily/2026-11-03")  # type: ignore[arg-type]
        assert count(report.activity.alerted) in subject
        assert word in subject
        assert "https://desk/reports/daily/2026-11-03" in paragraphs[-1]
        assert count(report.activity.scored) in paragraphs[0]


def test_a_subscriber_without_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="address"):
        Subscriber.model_validate({"address": "nobody"})


EMPTY = Report(
    kind=DAY.kind, period=DAY.name, since=DAY.since, until=DAY.until, made_at=LATER, so_far=False,
    activity={}, outcome={"as_of": LATER},
)  # fmt: skip
