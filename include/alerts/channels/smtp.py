"""Mail over SMTP, with the standard library.

What is known after a failed try, and therefore what is done:

=====================================  ==========================================================
connection or login refused            the channel is out of order; nothing was sent
idle connection found dropped          opened again at once, and the message tried on the new one
4xx                                    not taken, may be tried again
421                                    not taken, and the server is closing: out of order
5xx                                    not taken, never will be
connection lost or silent in DATA      *unknown*: the server may have taken it before it went away.
                                       Tried again with the same Message-ID, so that the receiver
                                       drops the second copy if there was a first
=====================================  ==========================================================
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Callable

from include.alerts.channels.mime import checked_sender, mime_of
from include.alerts.errors import (
    ChannelUnavailable,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentFailure,
    TemporaryFailure,
)
from include.alerts.masking import mask_contacts
from include.alerts.message import Message

log = logging.getLogger(__name__)

Connect = Callable[[], smtplib.SMTP]

#: Refusals that are about our login, not about the message (RFC 4954, RFC 3207).
_LOGIN_CODES = frozenset({530, 534, 535, 538})


def smtp_connection(
    host: str,
    port: int,
    *,
    timeout_seconds: float = 10.0,
    user: str | None = None,
    password: str | None = None,
    starttls: bool = False,
) -> Connect:
    """Make a factory of connections for :class:`SmtpChannel`.

    Parameters
    ----------
    host, port
        The mail server.
    timeout_seconds
        For each step of the conversation.
    user, password
        Login; none if ``user`` is None.
    starttls
        Encrypt before logging in, checking the certificate.
    """
    if (user is None) != (password is None):
        raise ValueError("expected user and password for the mail server, got one of them; set both or none")
    if user is not None and not starttls and host not in ("127.0.0.1", "localhost", "::1"):
        raise ValueError(
            f"expected starttls=True for a login at {host}, or the password travels in the clear"
        )

    def connect() -> smtplib.SMTP:
        smtp = smtplib.SMTP(host, port, local_hostname="localhost", timeout=timeout_seconds)
        if starttls:
            smtp.starttls(context=ssl.create_default_context())
        if user is not None and password is not None:
            smtp.login(user, password)
        return smtp

    return connect


class SmtpChannel:
    """Sends mail over one connection that is kept for a batch.

    Parameters
    ----------
    connect
        Opens a connection, logged in and ready; :func:`smtp_connection`, or Airflow's hook.
    sender
        The From address, with or without a display name.
    name
        Name of the channel.
    """

    def __init__(self, connect: Connect, sender: str, name: str = "email") -> None:
        self._connect = connect
        self._sender = checked_sender(sender)
        self._name = name
        self._smtp: smtplib.SMTP | None = None

    @property
    def name(self) -> str:
        """Name of the channel."""
        return self._name

    def send(self, message: Message, attempt: int = 1) -> str | None:
        """Hand one message over; see :class:`include.alerts.channels.base.Channel`."""
        mail = mime_of(message, self._sender)
        smtp = self._open_envelope(message)
        return self._hand_over(smtp, mail, message)

    def close(self) -> None:
        """Say goodbye, if a connection is open."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            try:
                smtp.quit()
            except OSError:
                smtp.close()

    def _open_envelope(self, message: Message) -> smtplib.SMTP:
        """MAIL and RCPT, on the open connection or, if that turns out to be dropped, on a new one."""
        was_open = self._smtp is not None
        try:
            return self._envelope(self._connection(), message)
        except (OSError, ChannelUnavailable) as error:  # smtplib's errors are a kind of OSError
            self._drop()
            if was_open:  # it may only have been idle for too long
                log.debug("connection to the mail server was dropped, opening another: %s", error)
                return self._open_envelope(message)
            if isinstance(error, ChannelUnavailable):
                raise
            problem = f"mail server: lost the connection before the message ({error})"
            raise ChannelUnavailable(problem) from error

    def _connection(self) -> smtplib.SMTP:
        if self._smtp is None:
            try:
                self._smtp = self._connect()
            # Whatever a factory raises (Airflow's hook has errors of its own), there is no connection.
            except Exception as error:
                raise ChannelUnavailable(
                    f"mail server: expected a connection, got {type(error).__name__}: {error}; "
                    "check that the server runs and that host, port and login are right"
                ) from error
        return self._smtp

    def _envelope(self, smtp: smtplib.SMTP, message: Message) -> smtplib.SMTP:
        smtp.ehlo_or_helo_if_needed()
        code, reply = smtp.mail(self._sender[1])
        if code == 250:
            code, reply = smtp.rcpt(message.recipient)
        elif 500 <= code < 600 and code not in _LOGIN_CODES:
            # Of the sender our own settings alone can be at fault.
            self._reset()
            problem = f"mail server: {code} {_line(reply)}; it refuses the sender {self._sender[1]}, correct from_email"
            raise ChannelUnavailable(problem)
        if code not in (250, 251):
            raise self._refused(code, reply, message)
        return smtp

    def _hand_over(self, smtp: smtplib.SMTP, mail: bytes, message: Message) -> str | None:
        try:
            code, reply = smtp.data(mail)
        except smtplib.SMTPDataError as error:  # DATA itself was refused, before the content
            raise self._refused(error.smtp_code, error.smtp_error, message) from None
        except OSError as error:
            self._drop()
            raise OutcomeUnknown(
                f"mail server: expected an answer to the message, lost the connection ({error}); "
                f"unknown whether it was taken, to be tried again as {message.message_id}"
            ) from error
        if code != 250:
            raise self._refused(code, reply, message)
        return _line(reply) or None

    def _refused(self, code: int, reply: bytes | str, message: Message) -> DeliveryFailure:
        # Servers like to quote the recipient.
        problem = f"mail server: {code} {mask_contacts(_line(reply), message.recipient)}"
        if code == 421 or code in _LOGIN_CODES:
            self._drop()
            return ChannelUnavailable(problem)
        self._reset()
        if 500 <= code < 600:
            return PermanentFailure(problem)
        return TemporaryFailure(problem)

    def _reset(self) -> None:
        """Make the connection ready for the next message after a refusal."""
        try:
            if self._smtp is not None:
                self._smtp.rset()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


def _line(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return " ".join(text.split())[:300]
