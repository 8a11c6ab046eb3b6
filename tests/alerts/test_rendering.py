import dataclasses
import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts import rendering
from include.alerts.alert import Alert, Severity
from include.alerts.errors import RenderingError
from include.alerts.message import Message
from include.alerts.rendering import AUDIENCES, Renderer
from include.alerts.routing_file import LANGUAGES, TYPOLOGIES
from include.alerts.wording import WORDS
from tests.alerts.examples import alert, delivery
from tests.alerts.regenerate import FOLDER, golden_mails

EVERY_KIND = [(audience, language) for audience in AUDIENCES for language in LANGUAGES]


def _render(of: Alert, audience: str = "staff", language: str = "en") -> Message:
    return Renderer().render(of, delivery(of, audience=audience, language=language))


def _all_text(message: Message) -> str:
    return "\n".join(str(value) for value in dataclasses.astuple(message))


@pytest.mark.parametrize("name", sorted(golden_mails()))
def test_mail_is_as_on_record(name: str) -> None:
    recorded = (FOLDER / name).read_text(encoding="utf-8")
    assert golden_mails()[name] == recorded, "if it is meant: python -m tests.alerts.regenerate"


def test_there_is_no_golden_file_that_nothing_checks() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(golden_mails())


NUMBERS = st.text("ABCDEFGHIJK0123456789", min_size=8, max_size=34)


@given(account=NUMBERS, counterparty=NUMBERS, kind=st.sampled_from(EVERY_KIND), lower=st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_message_ever_shows_a_full_number(
    account: str, counterparty: str, kind: tuple[str, str], lower: bool
) -> None:
    written = account.lower() if lower else account
    grouped = " ".join(account[i : i + 4] for i in range(0, len(account), 4))
    of = alert(
        account_id=account,
        counterparty_id=counterparty,
        transaction_id=f"tx/{written}/1",
        reasons=(f"from {written} to {counterparty}", f"{grouped} is new"),
    )
    shown = _all_text(_render(of, *kind))
    compact = shown.replace(" ", "").lower()
    assert account.lower() not in compact
    assert counterparty.lower() not in compact
    assert f"••••{account[-4:]}" in shown


INTERNAL = {
    "score": "97.3",
    "score, German": "97,3",
    "rule": "new_device_large_amount",
    "reason": "first payment from this device",
    "model": "2026-02-27.1",
    "ruleset": "9f3c21a",
    "transaction": "T-1",
    "counterparty": "0417",
    "severity": "HIGH",
    "severity, German": "HOCH",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("typology", TYPOLOGIES)
def test_a_customer_sees_no_internals(language: str, typology: str) -> None:
    of = alert(typology=typology)
    message = _render(of, "customer", language)
    shown = f"{message.subject}\n{message.text}\n{message.html}"
    for what, text in INTERNAL.items():
        assert text not in shown, what
    assert WORDS[language].get(typology, typology.replace("_", " ")) not in shown
    assert str(of.alert_id) not in shown


def test_staff_see_the_evidence() -> None:
    of = alert()
    message = _render(of)
    for content in (message.text, message.html):
        for text in (
            *of.reasons,
            *of.rule_hits,
            "1,234.50 EUR",
            "••••3000",
            "97.3 %",
            "account takeover",
            "2026-03-01 12:00:00 UTC",
            "2026-03-01 12:00:01 UTC",
            "2026-03-01 12:00:02 UTC",
            of.model_version,
            of.ruleset_version,
            str(of.alert_id),
        ):
            assert text in content


def test_what_others_wrote_is_escaped_in_html_and_kept_in_text() -> None:
    message = _render(alert(reasons=("<script>alert(1)</script>",), transaction_id='"><img src=x>'))
    assert "<script" not in message.html
    assert "<img" not in message.html
    assert "&lt;script&gt;" in message.html
    assert "<script>alert(1)</script>" in message.text


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=40, deadline=None)
def test_a_subject_is_one_line_whatever_the_alert_holds(currency: str, typology: str) -> None:
    subject = _render(alert(currency=currency, typology=typology)).subject
    assert len(subject.splitlines()) == 1


def test_the_same_delivery_gives_an_equal_message() -> None:
    assert _render(alert()) == _render(alert())
    assert _render(alert()).message_id == f"<{delivery(alert()).delivery_id}@tidewatch.example.com>"


def test_a_language_without_templates_falls_back_to_english() -> None:
    assert _render(alert(), language="fr").text == _render(alert(), language="en").text


def test_an_alert_without_a_score_says_so() -> None:
    assert "not scored (rules only)" in _render(alert(score=math.nan)).text


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_severity_renders_for_everyone(severity: Severity, kind: tuple[str, str]) -> None:
    assert _render(alert(severity=severity, amount=Decimal("0.0001")), *kind).text


def test_an_audience_without_templates_is_refused() -> None:
    with pytest.raises(RenderingError, match='expected an audience out of staff, customer, got "press"'):
        _render(alert(), audience="press")


def test_a_template_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "_values", lambda *_: {})
    with pytest.raises(
        RenderingError, match=r"expected the templates staff.en.\* to render, got UndefinedError"
    ):
        _render(alert())
