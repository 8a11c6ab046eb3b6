from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from include.alerts.channels.smtp import SmtpChannel, smtp_connection
from include.alerts.errors import ChannelUnavailable, PermanentFailure, TemporaryFailure
from include.local.mailbox import Mailbox
from tests.alerts.channels.faulty_smtp import DROP, SILENCE, faulty_smtp
from tests.alerts.examples import message

SENDER = "Tidewatch <alerts@example.com>"


def _channel(port: int, timeout_seconds: float = 5.0) -> SmtpChannel:
    return SmtpChannel(smtp_connection("127.0.0.1", port, timeout_seconds=timeout_seconds), SENDER)


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path) as running:
        yield running


def test_a_mail_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    sent = message(recipient="customer+C-77@example.com", audience="customer", language="de")
    channel = _channel(mailbox.smtp_port)
    assert channel.send(sent) == "2.0.0 stored"
    channel.close()
    (stored,) = mailbox.store.newest(10)
    content = mailbox.store.read(stored.key)
    assert content is not None
    assert max(map(len, content.splitlines())) <= 998
    mail = message_from_bytes(content, policy=default)
    assert mail["From"] == SENDER
    assert mail["To"] == "customer+C-77@example.com"
    assert mail["Subject"] == sent.subject
    assert mail["Message-ID"] == sent.message_id
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Tidewatch-Delivery"] == str(sent.delivery_id)
    assert mail["Date"].datetime == sent.written_at
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n").rstrip("\n") == sent.text.rstrip("\n")
    assert html.get_content().replace("\r\n", "\n").rstrip("\n") == sent.html.rstrip("\n")
    assert not mail.defects


def test_a_repetition_is_dropped_by_the_receiver(mailbox: Mailbox) -> None:
    for _ in range(3):
        channel = _channel(mailbox.smtp_port)
        channel.send(message())
        channel.close()
    assert (mailbox.store.count(), mailbox.store.suppressed()) == (1, 2)


def test_one_connection_serves_a_batch() -> None:
    with faulty_smtp() as server:
        channel = _channel(server.port)
        provider_ids = {channel.send(message(n)) for n in range(5)}
        channel.close()
        assert server.connections == 1
        assert len(server.taken) == 5
        assert provider_ids == {"2.0.0 taken as 42"}


@pytest.mark.parametrize("ending", [DROP, "421 4.4.2 idle for too long"])
def test_a_dropped_idle_connection_is_opened_again(ending: str) -> None:
    with faulty_smtp(MAIL=["250 OK", ending, "250 OK"]) as server:
        channel = _channel(server.port)
        channel.send(message(1))
        channel.send(message(2))
        channel.close()
        assert server.connections == 2
        assert len(server.taken) == 2


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "end"])
def test_4xx_is_temporary_and_the_connection_goes_on(verb: str) -> None:
    usual = {"DATA": "354 go on"}.get(verb, "250 OK")
    with faulty_smtp(**{verb: ["450 4.2.0 mailbox busy", usual]}) as server:
        channel = _channel(server.port)
        with pytest.raises(TemporaryFailure, match="mailbox busy") as caught:
            channel.send(message(1))
        assert not isinstance(caught.value, ChannelUnavailable)
        channel.send(message(2))
        channel.close()
        assert server.connections == 1


def test_a_refused_sender_costs_no_message() -> None:
    with faulty_smtp(MAIL=["550 5.7.1 not your address", "550 5.7.1 not your address", "250 OK"]) as server:
        channel = _channel(server.port)
        with pytest.raises(ChannelUnavailable, match="not your address; it refuses the sender"):
            channel.send(message(1))
        channel.close()


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "end"])
def test_5xx_is_permanent_and_the_connection_goes_on(verb: str) -> None:
    usual = {"DATA": "354 go on"}.get(verb, "250 OK")
    with faulty_smtp(**{verb: ["550 5.1.1 no such user", usual]}) as server:
        channel = _channel(server.port)
        with pytest.raises(PermanentFailure, match="no such user"):
            channel.send(message(1))
        channel.send(message(2))
        channel.close()
        assert server.connections == 1


@pytest.mark.parametrize("ending", [DROP, SILENCE])
def test_a_connection_lost_after_the_content_may_be_tried_again_under_the_same_id(ending: str) -> None:
    with faulty_smtp(end=[ending, "250 OK"]) as server:
        channel = _channel(server.port, timeout_seconds=0.3)
        with pytest.raises(TemporaryFailure, match="unknown whether it was taken") as caught:
            channel.send(message())
        assert not isinstance(caught.value, ChannelUnavailable)
        channel.send(message())
        channel.close()
        first, second = server.taken
        assert first == second
        assert f"Message-ID: {message().message_id}" in first


@pytest.mark.parametrize("reply", ["421 4.3.2 closing", "530 5.7.0 log in first", "535 5.7.8 wrong password"])
def test_a_server_that_refuses_everyone_is_out_of_order(reply: str) -> None:
    with faulty_smtp(MAIL=[reply]) as server:
        channel = _channel(server.port)
        with pytest.raises(ChannelUnavailable, match=reply[:3]):
            channel.send(message())
        channel.close()


def test_a_server_that_is_not_there_is_out_of_order() -> None:
    with faulty_smtp() as server:
        port = server.port
    with pytest.raises(ChannelUnavailable, match="check that the server runs"):
        _channel(port).send(message())


@pytest.mark.parametrize("fault", [DROP, SILENCE])
def test_a_server_that_breaks_off_before_the_content_is_out_of_order(fault: str) -> None:
    with faulty_smtp(MAIL=[fault]) as server, pytest.raises(ChannelUnavailable, match="lost the connection"):
        _channel(server.port, timeout_seconds=0.3).send(message())


def test_whatever_a_factory_raises_means_no_connection() -> None:
    def connect() -> None:
        raise LookupError("no connection called smtp_default")

    channel = SmtpChannel(connect, SENDER)  # type: ignore[arg-type]
    with pytest.raises(ChannelUnavailable, match="LookupError: no connection called smtp_default"):
        channel.send(message())


@pytest.mark.parametrize(
    "recipient", ["a@example.com\r\nBcc: b@example.com", "ä@example.com", "a@b, c@d", "nobody"]
)
def test_an_address_that_cannot_be_written_is_refused_for_good(mailbox: Mailbox, recipient: str) -> None:
    with pytest.raises(PermanentFailure, match="expected one plain ASCII e-mail address"):
        _channel(mailbox.smtp_port).send(message(recipient=recipient))
    assert mailbox.store.count() == 0


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="set both or none"):
        smtp_connection("mail.example.com", 25, user="me")
    with pytest.raises(ValueError, match="expected starttls=True"):
        smtp_connection("mail.example.com", 25, user="me", password="secret")
    with pytest.raises(ValueError, match="expected a sender such as"):
        SmtpChannel(smtp_connection("127.0.0.1", 25), "nobody")


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "end"])
def test_a_server_that_quotes_the_recipient_gives_nobody_away(verb: str) -> None:
    address = "jane.doe@customer.example"
    reply = f"550 5.1.1 <{address}> (as JANE.DOE@customer.example): unknown"
    with faulty_smtp(**{verb: [reply]}) as server, pytest.raises(PermanentFailure) as refused:
        _channel(server.port).send(message(recipient=address))
    assert "jane" not in str(refused.value).lower()
    assert "550 5.1.1" in str(refused.value)
    assert "customer.example" in str(refused.value)
