import json
from datetime import timedelta

import pytest

from include.alerts.channels.twilio import TwilioChannel
from include.alerts.errors import ChannelUnavailable, PermanentFailure, TemporaryFailure
from include.local.mailbox.vendors import Answer, Request
from include.local.mailbox.vendors.posted import kept
from tests.alerts.channels.faulty_http import Fault, Refusal
from tests.alerts.channels.vendors import ACCOUNT, NUMBER, SENDER, TOKEN, World

VENDOR = "twilio"


def _answer(status: int, code: int, said: str = "as told") -> Refusal:
    return Refusal(status, body=json.dumps({"code": code, "message": said, "status": status}).encode())


def test_an_sms_is_sent_as_written(world: World) -> None:
    sid = world.send()
    assert sid is not None
    assert sid.startswith("SM")
    (request,) = world.server.requests
    assert request.form() == {"To": NUMBER, "From": SENDER, "Body": world.message().short}
    assert request.path == ("2010-04-01", "Accounts", ACCOUNT, "Messages.json")


def test_a_messaging_service_may_send(world: World) -> None:
    service = "MG" + "0" * 32
    TwilioChannel(ACCOUNT, TOKEN, service, api=world.server.url).send(world.message())
    assert world.server.requests[0].form()["MessagingServiceSid"] == service


def test_what_an_earlier_attempt_sent_is_found_by_its_reference(world: World) -> None:
    world.server.script = [Fault.TAKEN_CUT_OFF]
    with pytest.raises(TemporaryFailure):
        world.send(1)
    ((taken, _),) = kept(world.store, "sms")
    assert world.send(2) == taken.vendor_id
    assert [request.method for request in world.server.requests] == ["POST", "GET"]


def test_another_delivery_to_the_same_number_is_not_taken_for_this_one(world: World) -> None:
    channel = world.make()
    ids = {channel.send(world.message(number), attempt=2) for number in range(3)}
    assert len(ids) == 3
    # The same alert, told to the same number for another reason.
    escalation = world.message(0, delivery_id=world.message(7).delivery_id, audience="escalation")
    assert channel.send(escalation, attempt=2) not in ids


def test_it_is_found_behind_pages_of_others(world: World) -> None:
    channel = world.make()
    wanted = channel.send(world.message(0))
    for number in range(1, 120):
        channel.send(world.message(number))
    before = len(world.server.requests)
    assert channel.send(world.message(0), attempt=2) == wanted
    assert len(world.server.requests) == before + 2


def test_it_looks_no_further_back_than_the_message(world: World) -> None:
    """Numbers of staff have years of SMS: only those since the message was written are read."""
    channel = world.make()
    for number in range(1, 120):
        channel.send(world.message(number))
    before = len(world.server.requests)
    later = world.message(0).written_at.replace(year=2126)
    channel.send(world.message(0, created_at=later + timedelta(hours=2)), attempt=2)
    assert [request.method for request in world.server.requests[before:]] == ["GET", "POST"]


@pytest.mark.parametrize(
    "trouble", [Refusal(500), Refusal(400), Refusal(429), Fault.CUT_OFF, Fault.SILENT], ids=str
)
def test_without_an_answer_to_the_question_nothing_is_sent(world: World, trouble: Refusal | Fault) -> None:
    world.server.script = [trouble]
    assert isinstance(world.failure(2), TemporaryFailure)
    assert world.store.count() == 0
    assert [request.method for request in world.server.requests] == ["GET"]


@pytest.mark.parametrize("code", [21211, 21610, 21614])
def test_a_number_that_cannot_be_reached_is_refused_for_good(world: World, code: int) -> None:
    world.server.script = [_answer(400, code, f"The number {NUMBER} (491701234567) is not reachable")]
    with pytest.raises(PermanentFailure, match="not reachable") as caught:
        world.send()
    assert "1701234567" not in str(caught.value)
    assert "••••4567" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("code", [20005, 21606, 21611, 21659])
def test_a_sender_that_is_refused_is_out_of_order(world: World, code: int) -> None:
    world.server.script = [_answer(400, code)]
    with pytest.raises(ChannelUnavailable, match=str(code)):
        world.send()


def test_an_answer_that_is_not_twilios_leaves_it_unknown(world: World) -> None:
    world.server.script = [Refusal(200, body=b"<html>a proxy's page</html>")]
    with pytest.raises(TemporaryFailure, match="unknown whether"):
        world.send()


@pytest.mark.parametrize("recipient", ["0170 1234567", "someone@example.com", "", "+49170123456789012"])
def test_a_recipient_that_is_no_number_is_refused_for_good(world: World, recipient: str) -> None:
    world.recipient = recipient
    with pytest.raises(PermanentFailure, match=r"expected a number such as"):
        world.send()
    assert world.server.requests == []


def test_the_environment_does_not_change_the_address(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    world.send()
    assert world.store.count() == 1


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="expected Twilio's account SID and auth token"):
        TwilioChannel(ACCOUNT, "", SENDER)
    with pytest.raises(ValueError, match="expected a sender such as"):
        TwilioChannel(ACCOUNT, TOKEN, "Tidewatch Bank")


@pytest.mark.parametrize(
    ("status", "taken"),
    [("failed", False), ("undelivered", False), ("canceled", False), ("queued", True), ("sent", True)],
)
def test_a_message_that_will_never_arrive_is_sent_again(world: World, status: str, taken: bool) -> None:
    first = world.send(1)
    usual = world.server.usual

    def answer(request: Request) -> Answer:
        told = usual(request)
        if request.method == "GET":
            for one in told.content["messages"]:
                one["status"] = status
        return told

    world.server.usual = answer
    assert (world.send(2) == first) is taken
