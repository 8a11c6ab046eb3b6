import json
import math
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts import rendering
from include.alerts.alert import Alert, Severity, alert_id_for
from include.alerts.delivery import Delivery
from include.alerts.errors import RenderingError
from include.alerts.gsm import parts_of
from include.alerts.message import Message
from include.alerts.rendering import AUDIENCES, DIGEST, Renderer
from include.alerts.routing_file import LANGUAGES, TYPOLOGIES
from include.alerts.wording import WORDS
from tests.alerts.examples import alert, delivery
from tests.alerts.regenerate import FOLDER, golden_mails

EVERY_KIND = [(audience, language) for audience in (*AUDIENCES, DIGEST) for language in LANGUAGES]
DESK = "https://desk.bank.example"
LINK = f"{DESK}/answer/token"
LINKED = Renderer(desk_url=DESK, link_of=lambda *_: LINK)


def _render(of: Alert, audience: str = "staff", language: str = "en", by: Renderer | None = None) -> Message:
    to, by = delivery(of, audience=audience, language=language), by or Renderer()
    return by.render_digest([of, alert(2)], to) if audience == DIGEST else by.render(of, to)


def _parts(message: Message) -> dict[str, str]:
    data = json.dumps(message.payload, ensure_ascii=False)
    return {
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
        "sms": message.short,
        "data": data,
    }


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
    for by in (Renderer(), LINKED):
        for part, shown in _parts(_render(of, *kind, by)).items():
            compact = shown.replace(" ", "").lower()
            assert account.lower() not in compact, part
            assert counterparty.lower() not in compact, part
            mask = "****" if part == "sms" else "••••"
            assert f"{mask}{account[-4:]}" in shown or (kind[0] == DIGEST and part in ("subject", "sms")), (
                part
            )


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
@pytest.mark.parametrize("by", [Renderer(), LINKED], ids=["to call", "with a link"])
def test_a_customer_sees_no_internals(language: str, typology: str, by: Renderer) -> None:
    of = alert(typology=typology)
    shown = "\n".join(_parts(_render(of, "customer", language, by)).values())
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


def test_a_reason_comes_in_words_without_names_of_features() -> None:
    words = "Account takeover: new device (an iPhone) in a new country (FR)"
    reason = f"{words} (is_new_device = 1; amount = 9, threshold > 4)"
    message = _render(alert(reasons=(reason, "5 deposits (of 9,000) in 7 days")))
    for part in (message.text, message.html or ""):
        assert words in part
        assert "5 deposits (of 9,000) in 7 days" in part
        assert "is_new_device" not in part
        assert "threshold" not in part


def test_what_others_wrote_is_escaped_in_html_and_kept_in_text() -> None:
    message = _render(alert(reasons=("<script>alert(1)</script>",), transaction_id='"><img src=x>'))
    assert "<script" not in message.html
    assert "<img" not in message.html
    assert "&lt;script&gt;" in message.html
    assert "<script>alert(1)</script>" in message.text
    digest = _render(alert(typology="<script>x</script>", currency="<b>"), "digest").html
    assert "<script" not in digest
    assert "<b>" not in digest


@given(st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=40, deadline=None)
def test_a_subject_is_one_line_whatever_the_alert_holds(currency: str, typology: str) -> None:
    subject = _render(alert(currency=currency, typology=typology)).subject
    assert len(subject.splitlines()) == 1


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_same_delivery_gives_an_equal_message(kind: tuple[str, str]) -> None:
    assert _render(alert(), *kind, LINKED) == _render(alert(), *kind, LINKED)


def test_the_message_id_is_the_deliverys() -> None:
    assert _render(alert()).message_id == f"<{delivery(alert()).delivery_id}@tidewatch.example.com>"


def test_a_language_without_templates_falls_back_to_english() -> None:
    assert _render(alert(), language="fr").text == _render(alert(), language="en").text


def test_an_alert_without_a_score_says_so() -> None:
    assert "not scored (rules only)" in _render(alert(score=math.nan)).text


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_severity_renders_for_everyone(severity: Severity, kind: tuple[str, str]) -> None:
    for part, shown in _parts(_render(alert(severity=severity, amount=Decimal("0.0001")), *kind)).items():
        assert shown.strip(), part
        assert "{" not in shown or part == "data", part


def test_an_audience_without_templates_is_refused() -> None:
    expected = 'expected an audience out of staff, customer, escalation, got "press"'
    with pytest.raises(RenderingError, match=expected):
        _render(alert(), audience="press")


def test_a_template_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "values_of", lambda *_: {})
    with pytest.raises(
        RenderingError, match=r"expected the templates staff.en.\* to render, got UndefinedError"
    ):
        _render(alert())


@given(
    kind=st.sampled_from(EVERY_KIND),
    by=st.sampled_from([Renderer(), LINKED]),
    typology=st.text(max_size=400),
    currency=st.text(max_size=40),
    amount=st.decimals(min_value="0.0001", max_value="1e12", places=4),
)
@settings(max_examples=80, deadline=None)
def test_an_sms_is_one_line_of_at_most_two_parts_and_ends_with_the_reference(
    kind: tuple[str, str], by: Renderer, typology: str, currency: str, amount: Decimal
) -> None:
    message = _render(alert(typology=typology, currency=currency, amount=amount), *kind, by)
    assert parts_of(message.short) <= 2
    assert len(message.short) <= 306
    assert len(message.short.splitlines()) == 1
    assert message.short.endswith(f" Ref {message.reference}")


def test_usual_sms_of_every_kind_fit_with_their_link() -> None:
    long = Renderer(desk_url=DESK, link_of=lambda *_: f"{DESK}/answer/{'t' * 64}")
    for kind in EVERY_KIND:
        message = _render(alert(amount=Decimal("999999.99"), transaction_type="ATM_WITHDRAWAL"), *kind, long)
        assert message.payload["link"] in message.short, kind
        assert "..." not in message.short


def test_a_link_that_leaves_no_room_is_left_out_of_the_sms_only(caplog: pytest.LogCaptureFixture) -> None:
    link = f"{DESK}/answer/{'t' * 300}"
    message = _render(alert(), "customer", "en", Renderer(link_of=lambda *_: link))
    assert link in message.text
    assert "call the number on your card" in message.short
    assert "customer.en.sms.j2" in caplog.text
    assert "ttt" not in caplog.text


@pytest.mark.parametrize(("language", "question"), [("en", "Was this you?"), ("de", "Waren Sie das?")])
def test_a_customer_answers_by_link_or_calls(language: str, question: str) -> None:
    asked, called = _render(alert(), "customer", language, LINKED), _render(alert(), "customer", language)
    for part in ("text", "html", "sms"):
        assert question in _parts(asked)[part]
        assert LINK in _parts(asked)[part]
        assert "72" in _parts(asked)[part]
        assert "PIN" in _parts(asked)[part]
        assert question not in _parts(called)[part]
        assert "http" not in _parts(called)[part]
    no_link = {"en": "holds no link", "de": "enthält keinen Link"}[language]
    assert no_link in called.text
    assert no_link not in asked.text + asked.html
    assert (asked.payload["link"], called.payload["link"]) == (LINK, None)


def test_the_link_is_the_deliverys_own_and_only_a_customers() -> None:
    asked = []

    def link_of(of: Alert, to: Delivery) -> str:
        asked.append((of, to))
        return LINK

    by = Renderer(link_of=link_of)
    of = alert()
    for audience in ("staff", "escalation", "digest"):
        assert LINK not in "".join(_parts(_render(of, audience, by=by)).values())
    assert asked == []
    _render(of, "customer", by=by)
    assert asked == [(of, delivery(of, audience="customer"))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_staff_are_led_to_the_desk(language: str) -> None:
    of = alert()
    for audience, link in (
        ("staff", f"{DESK}/alerts/{of.alert_id}"),
        ("escalation", f"{DESK}/alerts/{of.alert_id}"),
        ("digest", f"{DESK}/digests/{of.alert_id}"),
    ):
        for part, shown in _parts(_render(of, audience, language, Renderer(desk_url=f"{DESK}/"))).items():
            assert link in shown or part == "subject", (audience, part)
        assert "http" not in "".join(_parts(_render(of, audience, language)).values())


@pytest.mark.parametrize("address", ["desk.bank.example", "javascript:alert(1)", "https://desk bank"])
def test_a_desk_nobody_can_open_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="expected the fraud desk's address"):
        Renderer(desk_url=address)


def test_a_link_that_is_none_is_refused() -> None:
    with pytest.raises(RenderingError, match="expected a link that begins with https"):
        _render(alert(), "customer", by=Renderer(link_of=lambda *_: "javascript:alert(1)"))


def test_an_escalation_says_since_when_nobody_has_taken_it() -> None:
    of = alert()
    to = delivery(of, audience="escalation", created_at=of.raised_at + timedelta(minutes=20))
    message = Renderer().render(of, to)
    for content in (message.text, message.html):
        assert "2026-03-01 12:00:02 UTC" in content
        assert "2026-03-01 12:20:02 UTC" in content
    assert message.payload["event"] == "alert.escalated"
    assert message.written_at == to.created_at


def _storm() -> list[Alert]:
    return [
        alert(
            number,
            severity=list(Severity)[number % 4],
            typology=("card_testing", "unknown")[number % 3 == 0],
            currency=("EUR", "USD")[number % 5 == 0],
            amount=Decimal(number),
            score=math.nan if number % 7 == 0 else number / 100,
            raised_at=alert().raised_at + timedelta(seconds=number),
        )
        for number in range(1, 61)
    ]


def test_a_digest_counts_adds_and_shows_the_worst() -> None:
    storm = _storm()
    random.Random(5).shuffle(storm)
    to = delivery(alert(), audience="digest", alert_id=alert_id_for("the digest"))
    message = Renderer().render_digest(storm, to)
    assert message.alert_id == to.alert_id
    assert message.payload["count"] == 60
    assert message.payload["by_severity"] == {"CRITICAL": 15, "HIGH": 15, "MEDIUM": 15, "LOW": 15}
    assert message.payload["by_typology"] == {"card_testing": 40, "unknown": 20}
    assert message.payload["totals"] == {"EUR": "1440", "USD": "390"}
    assert message.payload["since"] == "2026-03-01T12:00:03+00:00"
    assert message.payload["until"] == "2026-03-01T12:01:02+00:00"
    shown = message.payload["alerts"]
    assert [one["severity"] for one in shown] == ["CRITICAL"] * 15 + ["HIGH"] * 5
    assert shown[0]["transaction_id"] == "T-59"
    assert [one["score"] for one in shown[13:15]] == [None, None], "what was not scored comes last"
    for text in ("60 alerts", "CRITICAL: 15", "card testing: 40", "1,440.00 EUR", "390.00 USD"):
        assert text in message.text
    assert message.text.count("••••3000") == 20
    assert message.html.count("••••3000") == 20


def test_the_order_of_a_storm_makes_no_difference() -> None:
    to = delivery(alert(), audience="digest")
    storm = _storm()
    assert Renderer().render_digest(storm, to) == Renderer().render_digest(storm[::-1], to)


def test_a_digest_of_nothing_or_for_nobody_is_refused() -> None:
    with pytest.raises(RenderingError, match="at least one alert"):
        Renderer().render_digest([], delivery(alert(), audience="digest"))
    with pytest.raises(RenderingError, match='expected audience "digest"'):
        Renderer().render_digest([alert()], delivery(alert()))
