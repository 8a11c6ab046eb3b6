"""Messages to Slack, with its official library: ``chat.postMessage``.

What is known after a failed try stands in :mod:`include.alerts.channels.http_failures`. Besides, as Slack
refuses with status 200, ``ok: false`` and a word:

==================================================  ================================================
``ratelimited``, ``rate_limited``,                  out of order until ``Retry-After``
``message_limit_exceeded``, ``service_unavailable``
``invalid_auth``, ``token_revoked``,                our token or its rights are refused: out of
``missing_scope``, ``account_inactive`` ...         order, as every message would be
``fatal_error``, ``internal_error``,                *unknown* whether it was taken: tried again
``request_timeout``, or a word nobody has heard
``channel_not_found``, ``is_archived``,             the message is refused for good
``msg_too_long``, ``invalid_blocks`` ...
==================================================  ================================================

Slack has no idempotency key. Each message carries metadata with the delivery's id, and from the second attempt
on the channel first reads what was posted since the message was written. That takes the scopes
``channels:history`` and ``groups:history`` besides ``chat:write``, and a conversation's id, not its name.
"""

from __future__ import annotations

import http.client
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.client import WebClient

from include.alerts.channels.http_failures import Clock, of_urllib, refused, retry_after_of, unknown, utc_now
from include.alerts.errors import ChannelUnavailable, DeliveryFailure, PermanentFailure, TemporaryFailure
from include.alerts.message import Message

API = "https://slack.com/api/"
VENDOR = "Slack"
EVENT_TYPE = "tidewatch_delivery"

_CONVERSATION = re.compile(r"[CGD][A-Z0-9]{6,}")
_TOO_FAST = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable"})
_OURS = frozenset({
    "access_denied", "account_inactive", "ekm_access_denied", "enterprise_is_restricted", "invalid_auth",
    "missing_scope", "no_permission", "not_allowed_token_type", "not_authed", "org_login_required",
    "team_access_not_granted", "team_added_to_org", "token_expired", "token_revoked",
    "two_factor_setup_required",
})  # fmt: skip
#: Where the bank's own app and conversation do not fit together; somebody mends that, and no message is at fault.
_NO_WAY_IN = frozenset({"channel_not_found", "is_archived", "not_in_channel"})
_FOR_GOOD = frozenset({
    "attachment_payload_limit_exceeded", "cannot_reply_to_message", "duplicate_channel_not_found",
    "external_channel_migrating", "invalid_arguments", "invalid_array_arg", "invalid_blocks",
    "invalid_blocks_format", "invalid_metadata_format", "invalid_metadata_schema", "is_inactive",
    "markdown_text_conflict", "metadata_too_large", "metadata_must_be_sent_from_app", "msg_blocks_too_long",
    "msg_too_long", "no_text", "restricted_action", "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel", "restricted_action_thread_locked",
    "restricted_action_thread_only_channel", "too_many_attachments", "user_not_found", "messages_tab_disabled",
})  # fmt: skip

_CLOCKS_DIFFER = timedelta(hours=1)
_PAGE = 200
# What Slack bears: of a header, of one text, and of texts that anybody reads.
_HEADER_CHARACTERS, _TEXT_CHARACTERS, _TEXTS = 150, 2900, 5


class SlackChannel:
    """Posts messages as a Slack app.

    Parameters
    ----------
    token
        A bot's token (``xoxb-...``).
    conversation
        Id of the conversation for recipients that are not ids themselves but names of our routing.
    api
        Base URL of the API.
    timeout_seconds
        For each step of a call.
    name
        Name of the channel.
    clock
        Tells the time, for a ``Retry-After`` that is a date.
    """

    def __init__(
        self,
        token: str,
        conversation: str | None = None,
        *,
        api: str = API,
        timeout_seconds: float = 10.0,
        name: str = "slack",
        clock: Clock = utc_now,
    ) -> None:
        if not token:
            raise ValueError("expected the token of a Slack bot, got an empty one; set it in the connection")
        if conversation is not None and not _CONVERSATION.fullmatch(conversation):
            raise ValueError(
                f"expected the id of a Slack conversation such as C0123456789, got {conversation!r}; "
                "copy it from the conversation's details"
            )
        self._conversation, self._name, self._clock = conversation, name, clock
        # The library asks only its logger's own level, and writes whole messages at DEBUG.
        quiet = logging.getLogger(f"{__name__}.library")
        quiet.setLevel(logging.CRITICAL)
        self._client = WebClient(
            token,
            base_url=api,
            timeout=timeout_seconds,  # type: ignore[arg-type] # fractions work
            retry_handlers=[],  # repeating is the outbox's business
            logger=quiet,
        )

    @property
    def name(self) -> str:
        """Name of the channel."""
        return self._name

    def send(self, message: Message, attempt: int = 1) -> str | None:
        """Hand one message over; see :class:`include.alerts.channels.base.Channel`."""
        conversation = self._conversation_of(message)
        try:
            taken = self._taken_before(message, conversation) if attempt > 1 else None
        except PermanentFailure as failure:  # of the question, not of the message
            raise TemporaryFailure(f"{failure} (asked whether it was posted before)") from failure
        if taken is not None:
            return taken
        answer = self._call(
            message,
            lambda: self._client.chat_postMessage(
                channel=conversation,
                text=_escaped(message.subject),
                blocks=blocks_of(message),
                metadata={
                    "event_type": EVENT_TYPE,
                    "event_payload": {
                        "delivery_id": str(message.delivery_id),
                        "alert_id": str(message.alert_id),
                    },
                },
                unfurl_links=False,
                unfurl_media=False,
            ),
        )
        return str(answer["ts"]) if answer.get("ts") else None

    def close(self) -> None:
        """Nothing is kept open: every call is a request of its own."""

    def _conversation_of(self, message: Message) -> str:
        if _CONVERSATION.fullmatch(message.recipient):
            return message.recipient
        if self._conversation is None or message.recipient.startswith(("#", "@")):
            raise PermanentFailure(
                f"delivery {message.delivery_id}: expected the id of a Slack conversation such as C0123456789 "
                f"as recipient, got {message.recipient!r}; correct the routing, or set the conversation in "
                "the connection"
            )
        return self._conversation

    def _taken_before(self, message: Message, conversation: str) -> str | None:
        cursor = ""
        oldest = (message.written_at - _CLOCKS_DIFFER).timestamp()
        while True:
            page = self._call(
                message,
                lambda cursor=cursor: self._client.conversations_history(  # type: ignore[misc]
                    channel=conversation,
                    oldest=f"{oldest:.6f}",
                    inclusive=True,
                    include_all_metadata=True,
                    limit=_PAGE,
                    cursor=cursor or None,
                ),
            )
            for posted in page.get("messages") or []:
                about = (posted.get("metadata") or {}).get("event_payload") or {}
                if about.get("delivery_id") == str(message.delivery_id):
                    return str(posted["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None

    def _call(self, message: Message, call: Callable[[], Any]) -> dict[str, Any]:
        try:
            return dict(call().data)
        except SlackApiError as error:
            raise self._refused(error.response, message) from error
        except (OSError, http.client.HTTPException) as error:
            raise of_urllib(VENDOR, message, error) from error
        except (SlackClientError, ValueError, TypeError, AttributeError) as error:
            raise unknown(VENDOR, message, type(error).__name__) from error

    def _refused(self, answer: Any, message: Message) -> DeliveryFailure:
        retry_after = retry_after_of(answer.headers, self._clock())
        word = str((answer.data or {}).get("error", "")) if isinstance(answer.data, dict) else ""
        advice = "the token, its scopes and the API's address"
        if word in _OURS:
            return ChannelUnavailable(f"{VENDOR}: {word}; check {advice}", retry_after)
        if word in _TOO_FAST:
            return ChannelUnavailable(f"{VENDOR}: {word}", retry_after)
        if word in _NO_WAY_IN:
            return TemporaryFailure(
                f"{VENDOR}: {word}; invite the app into the conversation, or correct its id"
            )
        if word in _FOR_GOOD:
            return PermanentFailure(f"{VENDOR}: {word}")
        if answer.status_code == 200:
            return unknown(VENDOR, message, word[:100] or "neither a success nor an error")
        return refused(VENDOR, int(answer.status_code), word, retry_after, advice)


def blocks_of(message: Message) -> list[dict[str, Any]]:
    """The message as Slack lays it out: a heading, the text in columns, and a button for the link."""
    blocks: list[dict[str, Any]] = [
        {
            "type": "header",
            "text": {
                "type": "plain_text",
                "emoji": False,
                "text": message.subject[:_HEADER_CHARACTERS] or "–",
            },
        }
    ]
    text = message.text.strip() or "–"
    for start in range(0, min(len(text), _TEXTS * _TEXT_CHARACTERS), _TEXT_CHARACTERS):
        part = {"type": "text", "text": text[start : start + _TEXT_CHARACTERS]}
        preformatted = {"type": "rich_text_preformatted", "elements": [part]}
        blocks.append({"type": "rich_text", "elements": [preformatted]})
    if link := message.payload.get("link"):
        label = {"type": "plain_text", "text": "Öffnen" if message.language == "de" else "Open"}
        blocks.append(
            {
                "type": "actions",
                "elements": [{"type": "button", "text": label, "url": link, "action_id": "open_alert"}],
            }
        )
    return blocks


def _escaped(text: str) -> str:
    """Text in which nothing is markup: ``<!channel>`` in somebody's words must ring nobody's phone."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
