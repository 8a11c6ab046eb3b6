"""Twilio's Messages API, as far as sending and listing go.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from include.local.mailbox.store import MailStore
from include.local.mailbox.vendors.exchange import Answer, Request
from include.local.mailbox.vendors.posted import Posted, keep, kept

Proof = Callable[[str], bool]

_VERSION = "2010-04-01"
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_MOST_CHARACTERS = 1600


def answer(store: MailStore, request: Request, proves: Proof) -> Answer:
    """Answer one request."""
    login = request.basic()
    if login is None or not proves(login[1]):
        return _error(401, 20003, "Authenticate")
    match request.path:
        case ("2010-04-01", "Accounts", account, "Messages.json") if account == login[0]:
            if request.method == "POST":
                return _send(store, account, request.form())
            return _list(store, account, request)
    return _error(404, 20404, f"The requested resource /{'/'.join(request.path)} was not found")


def _send(store: MailStore, account: str, form: dict[str, str]) -> Answer:
    recipient, text = form.get("To", ""), form.get("Body", "")
    sender = form.get("From") or form.get("MessagingServiceSid") or ""
    if not recipient:
        return _error(400, 21604, "A 'To' phone number is required.")
    if not sender:
        return _error(400, 21603, "A 'From' phone number is required.")
    if not text:
        return _error(400, 21602, "Message body is required.")
    if not _NUMBER.fullmatch(recipient):
        return _error(400, 21211, f"Invalid 'To' Phone Number: {recipient}")
    if len(text) > _MOST_CHARACTERS:
        return _error(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    posted = Posted("sms", f"SM{uuid.uuid4().hex}", sender, recipient, text[:60], text, dict(form))
    keep(store, posted)
    return Answer(201, _resource(account, posted, datetime.now(UTC)))


def _list(store: MailStore, account: str, request: Request) -> Answer:
    query = request.query
    size, page = int(query.get("PageSize", 50)), int(query.get("Page", 0))
    since = _moment(query["DateSent>"]) if "DateSent>" in query else None
    wanted = (
        (posted, moment)
        for posted, moment in kept(store, "sms", since)
        if query.get("To") in (None, posted.recipient) and query.get("From") in (None, posted.sender)
    )
    found = list(islice(wanted, page * size, (page + 1) * size + 1))
    uri = f"/{_VERSION}/Accounts/{account}/Messages.json"
    more = urlencode({**query, "PageSize": size, "Page": page + 1})
    return Answer(
        200,
        {
            "messages": [_resource(account, posted, moment) for posted, moment in found[:size]],
            "page": page,
            "page_size": size,
            "uri": uri,
            "next_page_uri": f"{uri}?{more}" if len(found) > size else None,
        },
    )


def _resource(account: str, posted: Posted, moment: datetime) -> dict[str, Any]:
    created = format_datetime(moment.replace(microsecond=0))
    return {
        "sid": posted.vendor_id,
        "account_sid": account,
        "to": posted.recipient,
        "from": posted.request.get("From"),
        "messaging_service_sid": posted.request.get("MessagingServiceSid"),
        "body": posted.text,
        "status": "queued",
        "direction": "outbound-api",
        "date_created": created,
        "date_updated": created,
        "date_sent": None,
        "error_code": None,
        "error_message": None,
        "uri": f"/{_VERSION}/Accounts/{account}/Messages/{posted.vendor_id}.json",
    }


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _error(status: int, code: int, message: str) -> Answer:
    about = f"https://www.twilio.com/docs/errors/{code}"
    return Answer(status, {"code": code, "message": message, "more_info": about, "status": status})
