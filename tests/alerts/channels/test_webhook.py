import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from include.alerts.channels.webhook import WebhookChannel, body_of
from include.alerts.errors import ChannelUnavailable
from tests.alerts.channels.faulty_http import Refusal
from tests.alerts.channels.vendors import WEBHOOK_SECRET, World

VENDOR = "webhook"


def test_a_receiver_can_verify_what_it_gets(world: World) -> None:
    world.send()
    (request,) = world.server.requests
    content = Webhook(WEBHOOK_SECRET).verify(request.body, dict(request.headers))
    sent = world.message()
    assert request.headers["webhook-id"] == str(sent.delivery_id)
    assert content["type"] == "alert.raised"
    assert content["timestamp"] == sent.written_at.isoformat()
    assert content["data"]["alert_id"] == str(sent.alert_id)
    assert content["data"]["amount"] == "1234.5000"
    assert content["data"]["text"] == sent.text
    with pytest.raises(WebhookVerificationError):
        Webhook(WEBHOOK_SECRET).verify(request.body + b" ", dict(request.headers))


def test_attempts_differ_in_time_and_signature_only(world: World) -> None:
    now = datetime.now(UTC)
    for attempt in (1, 2):
        clock = now + timedelta(seconds=attempt)
        WebhookChannel(f"{world.server.url}/hook", WEBHOOK_SECRET, clock=lambda at=clock: at).send(  # type: ignore[misc]
            world.message(), attempt
        )
    first, second = world.server.requests
    assert first.body == second.body == body_of(world.message()).encode()
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert (world.store.count(), world.store.suppressed()) == (1, 1)


def test_a_customer_s_webhook_holds_no_internals(world: World) -> None:
    body = body_of(world.message(audience="customer"))
    assert json.loads(body)["type"] == "alert.customer_asked"
    for internal in ("account_takeover", "new_device_large_amount", "first payment", "0.9731", "HIGH"):
        assert internal not in body


def test_a_receiver_that_is_gone_is_out_of_order(world: World) -> None:
    world.server.script = [Refusal(410)]
    with pytest.raises(ChannelUnavailable, match="the receiver is gone"):
        world.send()


def test_a_redirect_is_not_followed(world: World) -> None:
    world.server.script = [Refusal(307, {"Location": f"{world.server.url}/hook"})]
    with pytest.raises(ChannelUnavailable, match="307"):
        world.send()
    assert len(world.server.requests) == 1


@pytest.mark.parametrize("url", ["http://bank.example/hook", "bank.example/hook", "ftp://127.0.0.1/", ""])
def test_an_address_in_the_clear_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected an https address"):
        WebhookChannel(url, WEBHOOK_SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_???", WEBHOOK_SECRET[6:]])
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ValueError, match="expected a webhook secret") as caught:
        WebhookChannel("https://bank.example/hook", secret)
    assert len(secret) < 8 or secret not in str(caught.value)
