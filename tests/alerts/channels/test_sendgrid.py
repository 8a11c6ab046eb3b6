import json
import traceback

import pytest

from include.alerts.channels.sendgrid import SendGridChannel
from tests.alerts.channels.faulty_http import Refusal
from tests.alerts.channels.vendors import TOKEN, World

VENDOR = "sendgrid"


def test_202_is_taken_over(world: World) -> None:
    sent = world.message(audience="customer", language="de")
    assert world.make().send(sent) == "sg-1"
    (request,) = world.server.requests
    call = json.loads(request.body)
    assert call["from"] == {"email": "alerts@example.com", "name": "Tidewatch"}
    assert call["personalizations"][0]["to"] == [{"email": "customer+C-77@example.com"}]
    assert call["subject"] == sent.subject
    assert call["content"] == [
        {"type": "text/plain", "value": sent.text},
        {"type": "text/html", "value": sent.html},
    ]
    assert call["headers"]["Message-ID"] == sent.message_id
    assert call["custom_args"]["delivery_id"] == str(sent.delivery_id)


def test_every_try_says_the_same(world: World) -> None:
    world.send(1)
    world.send(2)
    first, second = world.server.requests
    assert first.body == second.body
    assert f"Bearer {TOKEN}" == second.headers["authorization"]


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a SendGrid API key"):
        SendGridChannel("", "alerts@example.com")


def test_an_answer_that_quotes_the_recipient_gives_nobody_away(world: World) -> None:
    world.server.script = [
        Refusal(400, body=b'{"errors": [{"message": "<customer+C-77@example.com> is bad"}]}')
    ]
    failure = world.failure()
    assert "C-77" not in "".join(traceback.format_exception(failure))
    assert "@example.com> is bad" in str(failure)
