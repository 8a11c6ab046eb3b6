"""Writes the message of a delivery: subject, text and HTML, in the recipient's language.

Templates see account numbers only as :mod:`include.alerts.masking` shows them, and free text
(reasons, the id of the transaction) only with the numbers in it masked, so no template can leak one.
HTML is escaped automatically.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from include.alerts.alert import Alert, Severity
from include.alerts.delivery import Delivery
from include.alerts.errors import RenderingError
from include.alerts.masking import mask_account, mask_in
from include.alerts.message import Message
from include.alerts.wording import WORDS, amount_of, score_of, time_of, words_of

TEMPLATES = Path(__file__).with_name("templates")
AUDIENCES = ("staff", "customer")

#: The language of a recipient whose own has no templates.
FALLBACK_LANGUAGE = "en"

_COLOURS = {
    Severity.LOW: "#4a7a9c",
    Severity.MEDIUM: "#a86f00",
    Severity.HIGH: "#c2410c",
    Severity.CRITICAL: "#b00020",
}


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


@dataclass(frozen=True, slots=True)
class Renderer:
    """Writes messages.

    Parameters
    ----------
    domain
        Right-hand side of the Message-ID: ``<delivery_id@domain>``. It must stay the same between
        tries, as receivers recognise a repetition by the whole id.
    """

    domain: str = "tidewatch.example.com"

    def render(self, alert: Alert, delivery: Delivery) -> Message:
        """Write the message of ``delivery`` about ``alert``; the same arguments give an equal message.

        Raises
        ------
        RenderingError
            The audience has no templates, or a template fails.
        """
        if delivery.audience not in AUDIENCES:
            raise RenderingError(
                f"delivery {delivery.delivery_id}: expected an audience out of {', '.join(AUDIENCES)}, "
                f'got "{delivery.audience}"; add its templates in {TEMPLATES.name}/ or correct the routing'
            )
        language = delivery.language if delivery.language in WORDS else FALLBACK_LANGUAGE
        stem = f"{delivery.audience}.{language}"
        values: dict[str, object] = {**_values(alert, language), "language": language}
        try:
            subject = " ".join(_templates().get_template(f"{stem}.subject.j2").render(values).split())
            values["subject"] = subject
            text = _templates().get_template(f"{stem}.txt.j2").render(values)
            html = _templates().get_template(f"{stem}.html.j2").render(values)
        # Jinja's errors and whatever a filter or a value raises: one alert must not stop the others.
        except Exception as error:
            raise RenderingError(
                f"delivery {delivery.delivery_id}: expected the templates {stem}.* to render, got "
                f"{type(error).__name__}: {error}; correct the template, the delivery is tried again"
            ) from error
        return Message(
            delivery_id=delivery.delivery_id,
            alert_id=alert.alert_id,
            message_id=f"<{delivery.delivery_id}@{self.domain}>",
            recipient=delivery.recipient,
            language=language,
            subject=subject,
            text=text,
            html=html,
            written_at=delivery.created_at,
        )


def _values(alert: Alert, language: str) -> dict[str, object]:
    numbers = (alert.account_id, alert.counterparty_id)

    def clean(text: str) -> str:
        return mask_in(text, numbers)

    return {
        "severity": words_of(alert.severity, language),
        "colour": _COLOURS[alert.severity],
        "typology": words_of(alert.typology, language),
        "amount": amount_of(alert.amount, alert.currency, language),
        "account": mask_account(alert.account_id),
        "counterparty": mask_account(alert.counterparty_id),
        "kind": words_of(alert.transaction_type, language),
        "via": words_of(alert.channel, language),
        "country": alert.country,
        "occurred_at": time_of(alert.occurred_at, language),
        "arrived_at": time_of(alert.arrived_at, language),
        "raised_at": time_of(alert.raised_at, language),
        "score": score_of(alert.score, language),
        "reasons": [clean(reason) for reason in alert.reasons],
        "rule_hits": ", ".join(alert.rule_hits) or "–",
        "model_version": alert.model_version or "–",
        "ruleset_version": alert.ruleset_version or "–",
        "transaction_id": clean(alert.transaction_id),
        "alert_id": str(alert.alert_id),
        # Enough for the call centre to find the alert, and tells the customer nothing.
        "reference": alert.alert_id.hex[:8].upper(),
    }
