import json

import pytest

from include.alerts.channels.slack import SlackChannel, blocks_of
from include.alerts.errors import ChannelUnavailable, PermanentFailure, TemporaryFailure
from include.alerts.rendering import Renderer
from tests.alerts.channels.faulty_http import Fault, Refusal
from tests.alerts.channels.vendors import CONVERSATION, TOKEN, World
from tests.alerts.examples import alert, delivery, message

VENDOR = "slack"


def _says(word: str, **headers: str) -> Refusal:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Refusal(200, names, json.dumps({"ok": False, "error": word}).encode())


def test_a_message_is_posted_with_its_blocks_and_metadata(world: World) -> None:
    timestamp = world.send()
    (request,) = world.server.requests
    posted, sent = json.loads(request.body), world.message()
    assert posted["channel"] == CONVERSATION
    assert posted["text"] == sent.subject
    assert posted["blocks"] == blocks_of(sent)
    assert posted["metadata"]["event_payload"] == {
        "delivery_id": str(sent.delivery_id),
        "alert_id": str(sent.alert_id),
    }
    assert timestamp is not None
    assert timestamp.count(".") == 1


def test_blocks_show_the_text_and_a_button_for_the_desk() -> None:
    about = alert()
    written = Renderer(desk_url="https://desk.bank.example").render(about, delivery(about))
    header, text, actions = blocks_of(written)
    assert header["text"]["text"] == written.subject[:150]
    assert text["elements"][0]["elements"][0]["text"] == written.text.strip()
    assert actions["elements"][0]["url"] == f"https://desk.bank.example/alerts/{about.alert_id}"
    assert [block["type"] for block in blocks_of(message())] == ["header", "rich_text"]


def test_a_long_message_keeps_slacks_limits() -> None:
    long = message(1)
    about = alert(reasons=tuple("a reason that goes on and on " * 40 for _ in range(60)), typology="x" * 400)
    long = Renderer().render(about, delivery(about))
    blocks = blocks_of(long)
    assert len(blocks) <= 50
    assert len(blocks[0]["text"]["text"]) <= 150
    assert all(len(block["elements"][0]["elements"][0]["text"]) <= 3000 for block in blocks[1:])


def test_nobodys_words_ring_a_phone(world: World) -> None:
    world.make().send(world.message(language="en"))
    about = alert(typology="<!channel> & <@U1>")
    written = Renderer().render(about, delivery(about, recipient=CONVERSATION))
    world.make().send(written)
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in json.loads(world.server.requests[1].body)["text"]


def test_what_an_earlier_attempt_posted_is_found(world: World) -> None:
    channel = world.make()
    wanted = channel.send(world.message(0))
    for number in range(1, 203):
        channel.send(world.message(number))
    before = len(world.server.requests)
    assert channel.send(world.message(0), attempt=2) == wanted
    assert [request.path[-1] for request in world.server.requests[before:]] == ["conversations.history"] * 2
    assert channel.send(world.message(500), attempt=2) != wanted


@pytest.mark.parametrize(
    "trouble",
    [
        Refusal(500),
        Refusal(400),
        _says("channel_not_found"),
        _says("missing_scope"),
        Fault.CUT_OFF,
        Fault.SILENT,
    ],
    ids=str,
)
def test_without_an_answer_to_the_question_nothing_is_posted(world: World, trouble: Refusal | Fault) -> None:
    world.server.script = [trouble]
    assert isinstance(world.failure(2), TemporaryFailure)
    assert world.store.count() == 0
    assert len(world.server.requests) == 1


@pytest.mark.parametrize("word", ["invalid_auth", "token_revoked", "missing_scope", "account_inactive"])
def test_a_refused_token_is_out_of_order(world: World, word: str) -> None:
    world.server.script = [_says(word)]
    with pytest.raises(ChannelUnavailable, match=f"{word}; check the token"):
        world.send()


def test_too_fast_by_word_waits_as_long_as_asked(world: World) -> None:
    world.server.script = [_says("ratelimited", Retry_After="30")]
    with pytest.raises(ChannelUnavailable, match="ratelimited") as caught:
        world.send()
    assert caught.value.retry_after == 30


@pytest.mark.parametrize("word", ["channel_not_found", "is_archived", "not_in_channel"])
def test_a_conversation_that_is_closed_to_us_costs_no_message(world: World, word: str) -> None:
    world.server.script = [_says(word)]
    with pytest.raises(TemporaryFailure, match=f"{word}; invite the app"):
        world.send()


@pytest.mark.parametrize("word", ["invalid_blocks", "msg_too_long", "user_not_found"])
def test_a_message_slack_never_takes_is_refused_for_good(world: World, word: str) -> None:
    world.server.script = [_says(word)]
    with pytest.raises(PermanentFailure, match=word):
        world.send()


@pytest.mark.parametrize("word", ["fatal_error", "internal_error", "a_word_of_tomorrow"])
def test_a_word_that_leaves_it_open_is_tried_again(world: World, word: str) -> None:
    world.server.script = [_says(word)]
    with pytest.raises(TemporaryFailure, match=f"got {word}; unknown whether"):
        world.send()


@pytest.mark.parametrize("body", [b"<html>a proxy's page</html>", b"[]", b"{", b""])
def test_an_answer_that_is_not_slacks_leaves_it_unknown(world: World, body: bytes) -> None:
    world.server.script = [Refusal(200, body=body)]
    with pytest.raises(TemporaryFailure, match="unknown whether"):
        world.send()


def test_a_name_of_our_routing_goes_to_the_conversation_of_the_connection(world: World) -> None:
    channel = SlackChannel(TOKEN, "C9999999999", api=f"{world.server.url}/api")
    world.recipient = "fraud-desk"
    channel.send(world.message())
    assert json.loads(world.server.requests[0].body)["channel"] == "C9999999999"


@pytest.mark.parametrize("recipient", ["#fraud-desk", "fraud-desk", "@someone"])
def test_a_recipient_that_is_no_conversation_is_refused_for_good(world: World, recipient: str) -> None:
    world.recipient = recipient
    with pytest.raises(PermanentFailure, match="expected the id of a Slack conversation"):
        world.send()
    assert world.server.requests == []


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="expected the token of a Slack bot"):
        SlackChannel("")
    with pytest.raises(ValueError, match="expected the id of a Slack conversation"):
        SlackChannel(TOKEN, "#fraud-desk")
