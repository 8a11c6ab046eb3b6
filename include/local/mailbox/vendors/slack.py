"""Slack's Web API, as far as posting a message and reading a conversation go.

https://docs.slack.dev/reference/methods/chat.postMessage
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from threading import Lock
from typing import Any

from include.local.mailbox.store import MailStore
from include.local.mailbox.vendors.exchange import Answer, Request
from include.local.mailbox.vendors.posted import Posted, keep, kept

_CONVERSATION = re.compile(r"[CGD][A-Z0-9]{6,}")
_one_at_a_time = Lock()
_last_microsecond = 0


def answer(store: MailStore, request: Request, proves: Callable[[str], bool]) -> Answer:
    """Answer one request; a refusal has status 200, as Slack's do."""
    token = request.bearer()
    if token is None:
        return _error("not_authed")
    if not proves(token):
        return _error("invalid_auth")
    if request.headers.get("content-type", "").startswith("application/json"):
        arguments = json.loads(request.body)
    else:
        arguments = {**request.query, **request.form()}
    if not _CONVERSATION.fullmatch(str(arguments.get("channel", ""))):
        return _error("channel_not_found")
    match request.path:
        case ("api", "chat.postMessage"):
            return _post(store, arguments)
        case ("api", "conversations.history"):
            return _history(store, arguments)
    return _error("unknown_method")


def _post(store: MailStore, arguments: dict[str, Any]) -> Answer:
    if not (arguments.get("text") or arguments.get("blocks")):
        return _error("no_text")
    for block in arguments.get("blocks") or []:
        if block.get("type") == "header" and len(block["text"]["text"]) > 150:
            return _error("invalid_blocks")
    payload = (arguments.get("metadata") or {}).get("event_payload") or {}
    posted = Posted(
        channel="slack",
        vendor_id=_timestamp(),
        sender="tidewatch",
        recipient=arguments["channel"],
        subject=str(arguments.get("text", "")),
        text="\n".join(_texts(arguments.get("blocks") or [])),
        request=arguments,
        alert_id=str(payload.get("alert_id", "")),
        delivery_id=str(payload.get("delivery_id", "")),
    )
    keep(store, posted)
    shown = {
        "ok": True,
        "channel": posted.recipient,
        "ts": posted.vendor_id,
        "message": _message(posted, False),
    }
    return Answer(200, shown)


def _history(store: MailStore, arguments: dict[str, Any]) -> Answer:
    oldest, limit = float(arguments.get("oldest") or 0), int(arguments.get("limit") or 100)
    start = int(arguments.get("cursor") or 0)
    with_metadata = str(arguments.get("include_all_metadata", "")).lower() in ("1", "true")
    there = (
        posted
        for posted, _ in kept(store, "slack", datetime.fromtimestamp(oldest, UTC))
        if posted.recipient == arguments["channel"]
    )
    found = list(islice(there, start, start + limit + 1))
    more = len(found) > limit
    return Answer(
        200,
        {
            "ok": True,
            "messages": [_message(posted, with_metadata) for posted in found[:limit]],
            "has_more": more,
            "response_metadata": {"next_cursor": str(start + limit) if more else ""},
        },
    )


def _message(posted: Posted, with_metadata: bool) -> dict[str, Any]:
    message = {"type": "message", "ts": posted.vendor_id, "text": posted.request.get("text", "")}
    if with_metadata and "metadata" in posted.request:
        message["metadata"] = posted.request["metadata"]
    return message


def _texts(node: Any) -> list[str]:
    """What the blocks say, in order."""
    if isinstance(node, list):
        return [text for child in node for text in _texts(child)]
    if not isinstance(node, dict):
        return []
    if isinstance(node.get("text"), str):
        return [node["text"]]
    return [text for key in ("text", "fields", "elements") for text in _texts(node.get(key))]


def _timestamp() -> str:
    """The time with six decimals, which is a message's id: no two are the same."""
    global _last_microsecond
    with _one_at_a_time:
        _last_microsecond = max(_last_microsecond + 1, time.time_ns() // 1000)
        return f"{_last_microsecond // 1_000_000}.{_last_microsecond % 1_000_000:06d}"


def _error(word: str) -> Answer:
    return Answer(200, {"ok": False, "error": word})
