"""A customer is asked "Was this you?": the link in the message, and what an answer does.

A link is the alert's id and an end, signed (HMAC-SHA-256, itsdangerous). It leads to a page that asks; only
pressing a button there answers, as mail scanners follow links. It is good once: the answer is an event of the
case, and a case with an answer takes no second one, whoever asks at the same time.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, Signer

from include.alerts.alert import Alert
from include.alerts.delivery import CUSTOMER
from include.cases.case import Action, Case, Deed
from include.cases.casework import Casework
from include.cases.errors import CaseChanged, LinkRefused

log = logging.getLogger(__name__)

#: How long a link is good for.
GOOD_FOR = timedelta(hours=72)

#: Who has taken an account over reads its holder's messages: those are asked to call.
NOT_ASKED = frozenset({"account_takeover"})

_ANSWERS = (Action.ANSWER_FRAUD, Action.ANSWER_GENUINE)
_TRIES = 5
_LAYOUT = struct.Struct(">16sI")


class AnswerLinks:
    """Makes and reads links.

    Parameters
    ----------
    keys
        Secrets, the newest last: that one signs, all of them are accepted.
    base_url
        Of the page that asks, without the token.
    """

    def __init__(self, keys: Sequence[str], base_url: str) -> None:
        if not keys or any(len(key) < 16 for key in keys):
            raise ValueError(
                "expected keys of at least 16 characters to sign customers' links with; set the "
                "setting TIDEWATCH_LINK_KEYS, several separated by commas"
            )
        self._signer = Signer(list(keys), salt="tidewatch.customer-answer", digest_method=hashlib.sha256)
        self._base_url = base_url.rstrip("/")

    def link(self, alert: Alert) -> str | None:
        """The link for the holder of an alert's account; None if they are not asked like this.

        The same alert has the same link: it ends ``GOOD_FOR`` after the alert was raised.
        """
        if alert.typology in NOT_ASKED:
            return None
        end = int((alert.raised_at + GOOD_FOR).timestamp())
        content = base64.urlsafe_b64encode(_LAYOUT.pack(alert.alert_id.bytes, end)).rstrip(b"=")
        return f"{self._base_url}/{self._signer.sign(content).decode()}"

    def read(self, token: str, now: datetime) -> uuid.UUID:
        """The alert a link is about.

        Raises
        ------
        LinkRefused
            It was not made here, or its time is over.
        """
        try:
            content = self._signer.unsign(token.encode())
            identity, end = _LAYOUT.unpack(base64.urlsafe_b64decode(content + b"=" * (-len(content) % 4)))
        except (BadSignature, ValueError, struct.error) as error:
            raise LinkRefused("forged", "expected a link this bank has sent, got another") from error
        if now >= datetime.fromtimestamp(end, UTC):
            raise LinkRefused("expired", "the link's time is over; please call the bank")
        return uuid.UUID(bytes=identity)


@dataclass(frozen=True, slots=True)
class CustomerAnswers:
    """Asks customers, and takes their answers."""

    links: AnswerLinks
    casework: Casework

    def subject(self, token: str, now: datetime) -> uuid.UUID:
        """The alert a link is about, without asking a store.

        Raises
        ------
        LinkRefused
            Forged or expired; logged.
        """
        try:
            return self.links.read(token, now)
        except LinkRefused as refusal:
            _log_refused(token, refusal)
            raise

    def question(self, token: str, now: datetime) -> Alert:
        """What a link asks about.

        Raises
        ------
        LinkRefused
            Forged, expired, used, or about an alert that is not kept any more; logged.
        """
        return self._asked(token, now)[0]

    def answer(self, token: str, genuine: bool, now: datetime) -> Case:
        """Take an answer: a label, and the case moves on.

        Raises
        ------
        LinkRefused
            As ``question``; nothing is changed then.
        CaseChanged
            The case is being worked on so much that the answer did not get in; to be tried again.
        """
        deed = Deed(Action.ANSWER_GENUINE if genuine else Action.ANSWER_FRAUD, CUSTOMER, now)
        for left in reversed(range(_TRIES)):
            alert, version = self._asked(token, now)
            try:
                return self.casework.act(alert.alert_id, deed, version)
            except CaseChanged:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _asked(self, token: str, now: datetime) -> tuple[Alert, int]:
        """The alert, and the version of its case without an answer."""
        alert_id = self.subject(token, now)
        try:
            alert = self.casework.alerts.get_many([alert_id]).get(alert_id)
            if alert is None:
                raise LinkRefused("unknown", "the alert is not kept any more; please call the bank")
            history = self.casework.cases.history(alert_id)
            if any(event.deed.action in _ANSWERS for event in history):
                raise LinkRefused(
                    "used", "the question has been answered; please call the bank to change that"
                )
        except LinkRefused as refusal:
            _log_refused(token, refusal)
            raise
        return alert, len(history)


def _log_refused(token: str, refusal: LinkRefused) -> None:
    """Into the log and not into the audit trail: whoever can reach the page could fill that."""
    fingerprint = hashlib.sha256(token.encode()).hexdigest()[:12]
    log.warning("a customer's link was refused: %s (token %s)", refusal.reason, fingerprint)
