"""What every channel on HTTP promises, whoever the vendor is; SMTP's part of it stands in test_smtp."""

import base64
import logging
from contextlib import suppress
from datetime import UTC, timedelta
from email.utils import format_datetime

import pytest

from include.alerts.errors import ChannelUnavailable, DeliveryFailure, PermanentFailure, TemporaryFailure
from tests.alerts.channels.faulty_http import PATIENCE, Fault, Refusal
from tests.alerts.channels.vendors import TOKEN, VENDORS, WEBHOOK_SECRET, World

pytestmark = pytest.mark.parametrize("world", VENDORS, indirect=True)

OTHER_SECRET = "whsec_" + base64.b64encode(b"another key of enough bytes").decode()


def test_a_message_is_taken_once(world: World) -> None:
    world.send()
    assert world.store.count() == 1


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_message_is_refused_for_good(world: World, status: int) -> None:
    world.server.script = [Refusal(status)]
    failure = world.failure()
    assert isinstance(failure, PermanentFailure)
    assert str(status) in str(failure)


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405])
def test_an_address_or_key_that_is_refused_is_no_fault_of_the_message(world: World, status: int) -> None:
    world.server.script = [Refusal(status, {"Location": "http://127.0.0.1:1/elsewhere"})]
    assert isinstance(world.failure(), ChannelUnavailable)


def test_a_wrong_key_says_what_to_check_and_is_not_shown(world: World) -> None:
    wrong = OTHER_SECRET if "Webhook" in type(world.make()).__name__ else "not-the-token"
    with pytest.raises(ChannelUnavailable, match="check") as caught:
        world.make(wrong).send(world.message())
    assert wrong not in str(caught.value)
    assert world.store.count() == 0


@pytest.mark.parametrize(
    ("wait", "least", "most"),
    [("17", 17, 17), ("soon", None, None), ("-1", None, None), ("9" * 400, 86400, 86400)],
)
def test_too_fast_waits_as_long_as_asked(
    world: World, wait: str, least: float | None, most: float | None
) -> None:
    world.server.script = [Refusal(429, {"Retry-After": wait})]
    failure = world.failure()
    assert isinstance(failure, ChannelUnavailable)
    assert failure.retry_after == least == most


@pytest.mark.parametrize(("seconds", "expected"), [(90, 90), (-3600, 0)])
def test_retry_after_may_be_a_date(world: World, seconds: int, expected: int) -> None:
    clock = world.make()._clock  # type: ignore[attr-defined]
    moment = clock().astimezone(UTC) + timedelta(seconds=seconds)
    world.server.script = [Refusal(429, {"Retry-After": format_datetime(moment, usegmt=True)})]
    failure = world.failure()
    assert isinstance(failure, ChannelUnavailable)
    assert failure.retry_after == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("status", [408, 500, 502, 503])
def test_a_vendor_in_trouble_is_tried_again(world: World, status: int) -> None:
    world.server.script = [Refusal(status, {"Retry-After": "5"})]
    failure = world.failure()
    assert isinstance(failure, TemporaryFailure)
    assert not isinstance(failure, ChannelUnavailable)
    assert failure.retry_after == 5
    assert len(world.server.requests) == 1, "repeating is the outbox's business"


@pytest.mark.parametrize("fault", [Fault.CUT_OFF, Fault.SILENT])
def test_without_an_answer_it_is_unknown_and_tried_again(world: World, fault: Fault) -> None:
    world.server.script = [fault]
    failure = world.failure()
    assert isinstance(failure, TemporaryFailure)
    assert not isinstance(failure, ChannelUnavailable)
    assert f"to be tried again as {world.message().message_id}" in str(failure)
    assert len(world.server.requests) == 1
    world.send(2)
    assert world.store.count() == 1


@pytest.mark.parametrize("fault", [Fault.TAKEN_CUT_OFF, Fault.TAKEN_SILENT])
def test_what_was_taken_unheard_is_there_once_after_the_second_attempt(world: World, fault: Fault) -> None:
    world.server.script = [fault]
    assert isinstance(world.failure(), TemporaryFailure)
    assert world.store.count() == 1
    world.send(2)
    world.send(3)
    assert world.store.count() == 1


def test_an_answer_that_stops_in_the_middle_does_no_harm(world: World) -> None:
    world.server.script = [Fault.TAKEN_HALF_ANSWERED]
    world.patience = PATIENCE
    with suppress(TemporaryFailure):  # of SendGrid and webhooks the status is enough
        world.send()
    world.patience = 10.0
    world.send(2)
    assert world.store.count() == 1


def test_a_vendor_that_is_not_there_is_out_of_order(world: World) -> None:
    world.server.shutdown()
    world.server.server_close()
    with pytest.raises(ChannelUnavailable, match="expected a connection"):
        world.send()
    with pytest.raises(ChannelUnavailable, match="expected a connection"):
        world.send(2)


def test_a_channel_serves_many_messages_also_after_being_closed(world: World) -> None:
    channel = world.make()
    for number in range(3):
        channel.send(world.message(number))
    channel.close()
    channel.send(world.message(3))
    channel.close()
    assert world.store.count() == 4


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize(
    "fault", [None, Refusal(400), Refusal(500), Fault.CUT_OFF, Fault.TAKEN_SILENT], ids=str
)
def test_neither_log_nor_error_holds_secrets_recipients_or_contents(
    world: World, caplog: pytest.LogCaptureFixture, fault: Fault | Refusal | None, attempt: int
) -> None:
    said = ""
    world.server.script = [
        Refusal(fault.status, body=f'{{"message": "bad {world.recipient}", "code": 21211}}'.encode())
        if isinstance(fault, Refusal) and "+49" in world.recipient
        else fault
    ]
    world.patience = PATIENCE if isinstance(fault, Fault) else 10.0
    with caplog.at_level(logging.DEBUG):
        try:
            world.send(attempt)
        except DeliveryFailure as failure:
            said = str(failure)
    everything = said + caplog.text
    for secret in (TOKEN, WEBHOOK_SECRET, WEBHOOK_SECRET.removeprefix("whsec_")):
        assert secret not in everything
    for content in ("1,234.50", world.message().reference, "first payment from this device"):
        assert content not in everything
    if world.recipient not in ("C0123456789", "case-system"):  # those are nobody's
        assert world.recipient not in everything
        assert world.recipient.lstrip("+") not in everything
