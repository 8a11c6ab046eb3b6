"""The SMTP side of the mailbox, on aiosmtpd."""

from __future__ import annotations

import asyncio
import hmac
import logging
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from include.local.mailbox.store import MailStore

log = logging.getLogger(__name__)

MAX_BYTES = 5_000_000
_IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Login:
    """Who may send mail, and what the server shows of itself before it asks."""

    user: str
    password: str = field(repr=False)
    context: ssl.SSLContext = field(repr=False)

    def check(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, said: Any
    ) -> AuthResult:
        """Judge a user name and a password; aiosmtpd calls it."""
        good = (
            isinstance(said, LoginPassword)
            and hmac.compare_digest(said.login, self.user.encode())
            and hmac.compare_digest(said.password, self.password.encode())
        )
        # Not "handled": aiosmtpd then answers 535 itself.
        return AuthResult(success=good, handled=False)


class StoringHandler:
    """Stores what comes in and answers only when it is on the disk.

    Parameters
    ----------
    store
        Where it is kept.
    executor
        Threads that wait for the disk, so that other connections need not.
    """

    def __init__(self, store: MailStore, executor: ThreadPoolExecutor) -> None:
        self._store = store
        self._executor = executor

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take one message over; aiosmtpd calls it by this name."""
        content = envelope.content
        if not isinstance(content, bytes):
            return "554 5.6.0 expected bytes"
        try:
            stored = await asyncio.get_running_loop().run_in_executor(
                self._executor, self._store.deliver, content
            )
        except OSError as error:
            log.error("a message could not be stored: %s", error)
            return "451 4.3.0 could not be stored, try again"
        return "250 2.0.0 stored" if stored else "250 2.0.0 duplicate dropped"


def protocol(handler: StoringHandler, login: Login | None = None) -> SMTP:
    """Make the conversation of one connection; with a login, STARTTLS and AUTH come before any mail."""
    guarded: dict[str, Any] = {}
    if login is not None:
        guarded = {
            "tls_context": login.context,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": login.check,
        }
    # Without a name aiosmtpd asks the DNS for it at every connection.
    return SMTP(
        handler,
        hostname="localhost",
        ident="Tidewatch mailbox",
        data_size_limit=MAX_BYTES,
        timeout=_IDLE_SECONDS,
        **guarded,
    )
