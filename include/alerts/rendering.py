"""Writes the message of a delivery: subject, text, HTML, SMS and data, in the recipient's language.

Each audience has its templates, ``<audience>.<language>.{subject,txt,html,sms}.j2``; what they may say is
made by :mod:`include.alerts.facts`, with account numbers masked. HTML is escaped automatically.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from include.alerts.alert import Alert
from include.alerts.delivery import CUSTOMER, DIGEST, ESCALATION, STAFF, Delivery
from include.alerts.errors import RenderingError
from include.alerts.facts import Storm, data_for_customer, data_of, values_of
from include.alerts.gsm import parts_of, to_gsm
from include.alerts.message import Message, reference_of
from include.alerts.wording import WORDS, time_of

log = logging.getLogger(__name__)

TEMPLATES = Path(__file__).with_name("templates")

#: Audiences of :meth:`Renderer.render`; :meth:`Renderer.render_digest` has one of its own.
AUDIENCES = (STAFF, CUSTOMER, ESCALATION)

#: The language of a recipient whose own has no templates.
FALLBACK_LANGUAGE = "en"

#: Parts an SMS may have: 306 characters.
SMS_PARTS = 2

_EVENTS = {
    STAFF: "alert.raised",
    CUSTOMER: "alert.customer_asked",
    ESCALATION: "alert.escalated",
    DIGEST: "alerts.digest",
}
_URL = re.compile(r"https?://[^\s<>\"]+")

LinkOf = Callable[[Alert, Delivery], str | None]


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


def compile_templates() -> None:
    """Compile every template now, and not when the first message wants it.

    Raises
    ------
    jinja2.TemplateError
        One of them is no template.
    """
    for name in _templates().list_templates():
        _templates().get_template(name)


@dataclass(frozen=True, slots=True)
class Renderer:
    """Writes messages.

    Parameters
    ----------
    domain
        Right-hand side of the Message-ID: ``<delivery_id@domain>``. It must stay the same between
        tries, as receivers recognise a repetition by the whole id.
    desk_url
        Where the fraud desk is; messages to staff link to ``<desk_url>/alerts/<alert_id>``, digests to
        ``<desk_url>/digests/<digest_id>``.
    link_of
        Makes the link under which a customer answers, or None for one who is to call. The same
        delivery must always get the same link.

    Raises
    ------
    ValueError
        ``desk_url`` is not an address of the web.
    """

    domain: str = "tidewatch.example.com"
    desk_url: str | None = None
    link_of: LinkOf | None = None

    def __post_init__(self) -> None:
        """Refuse what no reader could follow."""
        if self.desk_url is not None and not _URL.fullmatch(self.desk_url):
            raise ValueError(
                f"expected the fraud desk's address such as https://desk.bank.example, got {self.desk_url!r}"
            )

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
        language = _language(delivery)
        with_data = data_for_customer if delivery.audience == CUSTOMER else data_of

        def contents() -> _Contents:
            values = values_of(alert, language) | {"escalated_at": time_of(delivery.created_at, language)}
            return _Contents(values, with_data(alert), self._link(alert, delivery))

        return self._written(delivery, language, contents)

    def render_digest(
        self, alerts: Sequence[Alert], delivery: Delivery, *, escalated: bool = False
    ) -> Message:
        """Write one message about many alerts; ``delivery.alert_id`` is the id of the digest.

        The order of ``alerts`` makes no difference. If they are ``escalated``, it says that nobody has looked
        at them yet.

        Raises
        ------
        RenderingError
            There are no alerts, the audience is not ``digest``, or a template fails.
        """
        if delivery.audience != DIGEST or not alerts:
            raise RenderingError(
                f'delivery {delivery.delivery_id}: expected audience "{DIGEST}" and at least one alert, '
                f'got "{delivery.audience}" and {len(alerts)}; correct what made the delivery'
            )
        language, storm = _language(delivery), Storm(alerts, escalated)
        desk = f"{self.desk_url.rstrip('/')}/digests/{delivery.alert_id}" if self.desk_url else None
        return self._written(
            delivery, language, lambda: _Contents(storm.values(language), storm.data(), desk)
        )

    def _link(self, alert: Alert, delivery: Delivery) -> str | None:
        if delivery.audience != CUSTOMER:
            return f"{self.desk_url.rstrip('/')}/alerts/{alert.alert_id}" if self.desk_url else None
        link = self.link_of(alert, delivery) if self.link_of else None
        if link is not None and not _URL.fullmatch(link):
            raise ValueError("expected a link that begins with https://, got something else from link_of")
        return link

    def _written(self, delivery: Delivery, language: str, contents: Callable[[], _Contents]) -> Message:
        stem = f"{delivery.audience}.{language}"
        reference = reference_of(delivery.alert_id, delivery.delivery_id)
        try:
            made = contents()
            values = {**made.values, "language": language, "link": made.link}
            subject = " ".join(_templates().get_template(f"{stem}.subject.j2").render(values).split())
            values["subject"] = subject
            text = _templates().get_template(f"{stem}.txt.j2").render(values)
            html = _templates().get_template(f"{stem}.html.j2").render(values)
            short = _short(stem, values, reference)
        # Jinja's errors and whatever a filter or a value raises: one alert must not stop the others.
        except Exception as error:
            raise RenderingError(
                f"delivery {delivery.delivery_id}: expected the templates {stem}.* to render, got "
                f"{type(error).__name__}: {error}; correct the template, the delivery is tried again"
            ) from error
        return Message(
            delivery_id=delivery.delivery_id,
            alert_id=delivery.alert_id,
            message_id=f"<{delivery.delivery_id}@{self.domain}>",
            recipient=delivery.recipient,
            language=language,
            subject=subject,
            text=text,
            html=html,
            short=short,
            payload={"event": _EVENTS[delivery.audience], **made.data, "link": made.link},
            written_at=delivery.created_at,
        )


@dataclass(frozen=True, slots=True)
class _Contents:
    values: Mapping[str, object]
    data: Mapping[str, Any]
    link: str | None


def _language(delivery: Delivery) -> str:
    return delivery.language if delivery.language in WORDS else FALLBACK_LANGUAGE


def _short(stem: str, values: Mapping[str, object], reference: str) -> str:
    """The SMS, ending with the reference; a link that leaves no room is left out, then the end of the text."""
    template = _templates().get_template(f"{stem}.sms.j2")
    ending = f" Ref {reference}"
    for link in dict.fromkeys((values["link"], None)):
        text = to_gsm(template.render({**values, "link": link}))
        if parts_of(text + ending) <= SMS_PARTS:
            return text + ending
        log.warning("%s.sms.j2: expected at most %d SMS, got more; shortened it", stem, SMS_PARTS)
    while parts_of(f"{text}...{ending}") > SMS_PARTS:
        text = text[:-1]
    return f"{text}...{ending}"
