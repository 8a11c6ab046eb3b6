"""The page that asks a customer "Was this you?": in their language, without a script, framed by nobody.

It shows what the message has said already, so that a link in wrong hands tells nothing new: the account masked,
no name. Whatever is wrong with a link, the page is the same.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse

from include.alerts.alert import Alert
from include.alerts.facts import values_of
from plugins.fraud_desk.rendering import route_of, templates

_STYLE = (Path(__file__).parent / "templates" / "answer.css").read_text()
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
}

#: What the page says, by language.
_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Was this you?",
        "intro": "We noticed this payment and want to be sure that you made it.",
        "account": "Account",
        "when": "When",
        "kind": "Payment",
        "yes": "Yes, it was me",
        "no": "No, it was not me",
        "care": "We never ask for a PIN, a password or a card number.",
        "thanks": "Thank you",
        "was_me": "We have noted that you made this payment. There is nothing else to do.",
        "was_not_me": "We have noted that you did not make this payment, and somebody is looking into it now. "
        "If you have not done so yet, please call the number on the back of your card.",
        "reference": "Reference",
    },
    "de": {
        "title": "Waren Sie das?",
        "intro": "Uns ist diese Zahlung aufgefallen, und wir möchten sicher sein, dass sie von Ihnen stammt.",
        "account": "Konto",
        "when": "Wann",
        "kind": "Zahlung",
        "yes": "Ja, das war ich",
        "no": "Nein, das war ich nicht",
        "care": "Wir fragen nie nach einer PIN, einem Kennwort oder einer Kartennummer.",
        "thanks": "Vielen Dank",
        "was_me": "Wir haben vermerkt, dass diese Zahlung von Ihnen stammt. Sie müssen nichts weiter tun.",
        "was_not_me": "Wir haben vermerkt, dass diese Zahlung nicht von Ihnen stammt; jemand sieht sie sich jetzt an. "
        "Falls noch nicht geschehen, rufen Sie bitte die Nummer auf der Rückseite Ihrer Karte an.",
        "reference": "Kennzeichen",
    },
}


def is_customers(request: Request) -> bool:
    """Whether a request is for the customers' page."""
    return route_of(request).startswith("/answer/")


def question(alert: Alert, language: str) -> HTMLResponse:
    """Asks; nothing is decided by looking."""
    known = language if language in _WORDS else "en"
    return _page("answer_question.html", known, facts=values_of(alert, known))


def thanks(alert: Alert, genuine: bool, language: str) -> HTMLResponse:
    """Says what has been noted."""
    known = language if language in _WORDS else "en"
    told = _WORDS[known]["was_me" if genuine else "was_not_me"]
    return _page("answer_thanks.html", known, told=told, facts=values_of(alert, known))


def refused(status: int) -> HTMLResponse:
    """The one page for every link that is not followed, in both languages, as whose it is may not be known."""
    return _page("answer_refused.html", "en", status)


def later(seconds: int) -> HTMLResponse:
    """For who came too often: says nothing of the link, in both languages, and when to come again."""
    page = _page("answer_later.html", "en", 429)
    page.headers["retry-after"] = str(seconds)
    return page


def _page(template: str, language: str, status: int = 200, **values: object) -> HTMLResponse:
    text = (
        templates()
        .get_template(template)
        .render(language=language, words=_WORDS[language], style=_STYLE, **values)
    )
    return HTMLResponse(text, status, _HEADERS)
