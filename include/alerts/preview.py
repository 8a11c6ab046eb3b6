"""Shows what a message looks like, of invented data: look at a changed template before it is deployed.

``python -m include.alerts.preview --audience customer --language de --format text`` prints one;
``python -m include.alerts.preview --out previews`` writes every audience, language and format to files.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from include.alerts.alert import Alert, Severity, alert_id_for
from include.alerts.delivery import CUSTOMER, DIGEST, ESCALATION, Delivery, delivery_id_for
from include.alerts.errors import RenderingError
from include.alerts.gsm import parts_of
from include.alerts.message import Message
from include.alerts.rendering import AUDIENCES, Renderer
from include.alerts.wording import WORDS

FORMATS = {"text": "txt", "html": "html", "sms": "sms.txt", "json": "json"}

_DESK = "https://desk.bank.example"
_NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_ALERT = Alert(
    alert_id=alert_id_for("EXAMPLE-1"),
    transaction_id="EXAMPLE-1",
    batch_id=1,
    account_id="DE02120300000000202051",
    customer_id="EXAMPLE-CUSTOMER",
    counterparty_id="EXAMPLE-MERCHANT-0417",
    amount=Decimal("1849.90"),
    currency="EUR",
    transaction_type="CARD_PAYMENT",
    channel="ONLINE",
    country="PT",
    occurred_at=_NOON,
    arrived_at=_NOON + timedelta(seconds=1),
    raised_at=_NOON + timedelta(seconds=3),
    severity=Severity.HIGH,
    typology="account_takeover",
    score=0.9731,
    rule_hits=("new_device_large_amount",),
    reasons=("first payment from this device", "amount is 14 times the usual of DE02120300000000202051"),
    features={},
    contributions={},
    model_version="example",
    ruleset_version="example",
)


def example(audience: str, language: str, *, links: bool = True) -> Message:
    """Write the example of one audience and language.

    Raises
    ------
    RenderingError
        A template fails.
    """
    recipient = "someone@bank.example"
    renderer = Renderer(
        desk_url=_DESK if links else None,
        link_of=(lambda *_: f"{_DESK}/answer/an-example-that-leads-nowhere") if links else None,
    )
    delivery = Delivery(
        delivery_id=delivery_id_for(_ALERT.alert_id, "email", recipient),
        alert_id=_ALERT.alert_id,
        channel="email",
        recipient=recipient,
        audience=audience,
        language=language,
        created_at=_ALERT.raised_at + timedelta(minutes=15 if audience == ESCALATION else 0),
        arrived_at=_ALERT.arrived_at,
    )
    if audience == DIGEST:
        return renderer.render_digest(list(_storm()), delivery)
    return renderer.render(_ALERT, delivery)


def _storm() -> Iterator[Alert]:
    typologies = ("card_testing", "card_testing", "account_takeover", "unknown")
    for number in range(1, 48):
        yield dataclasses.replace(
            _ALERT,
            alert_id=alert_id_for(f"EXAMPLE-{number}"),
            transaction_id=f"EXAMPLE-{number}",
            account_id=f"DE021203000000{number:08d}",
            amount=_ALERT.amount * number,
            currency=("EUR", "EUR", "USD")[number % 3],
            severity=list(Severity)[number % 4],
            typology=typologies[number % 4],
            raised_at=_ALERT.raised_at + timedelta(seconds=number),
            reasons=_ALERT.reasons[:1],
        )


def shown(message: Message, form: str) -> str:
    """One part of a message, as it is looked at."""
    match form:
        case "text":
            return f"To: {message.recipient}\nSubject: {message.subject}\n\n{message.text}"
        case "html":
            return message.html
        case "sms":
            return f"{message.short}\n"
        case _:
            return json.dumps(dict(message.payload), ensure_ascii=False, indent=2) + "\n"


def write_all(folder: Path, *, links: bool = True) -> list[Path]:
    """Write every example; files of the same names are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for audience in (*AUDIENCES, DIGEST):
        for language in WORDS:
            message = example(audience, language, links=links)
            for form, ending in FORMATS.items():
                path = folder / f"{audience}.{language}.{ending}"
                path.write_text(shown(message, form), encoding="utf-8")
                written.append(path)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Show or write examples; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m include.alerts.preview", description=__doc__)
    parser.add_argument(
        "--audience", choices=(*AUDIENCES, DIGEST), default=CUSTOMER, help="default: %(default)s"
    )
    parser.add_argument("--language", choices=tuple(WORDS), default="en", help="default: %(default)s")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="default: %(default)s")
    parser.add_argument("--without-links", action="store_true", help="as without a desk that answers")
    parser.add_argument("--out", type=Path, help="folder for all of them, instead of showing one")
    options = parser.parse_args(arguments)
    links = not options.without_links
    try:
        if options.out is not None:
            paths = write_all(options.out, links=links)
            sys.stdout.write(f"{len(paths)} files in {options.out}/\n")
            return 0
        message = example(options.audience, options.language, links=links)
    except (RenderingError, OSError) as error:
        sys.stderr.write(f"preview: {error}\n")
        return 1
    sys.stdout.write(shown(message, options.format))
    if options.format == "sms":
        sys.stderr.write(f"{len(message.short)} characters, {parts_of(message.short)} SMS\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
