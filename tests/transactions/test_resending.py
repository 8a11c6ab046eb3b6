"""Dead letters sent again: each makes at most one transaction, wherever a process dies."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.stores.memory.resent import MemoryResentStore
from include.transactions.dead_letter import DeadLetter, Place, position_of, position_text
from include.transactions.errors import DeliveryFailed, PlaceRefused, ResendRefused
from include.transactions.resending import DELIVERY_SECONDS, Resender, check
from include.transactions.resent import LEASE, Resent, ResentState

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MONTH = timedelta(days=30)


class Killed(Exception):
    """What a process that dies does not say."""


def event(**changes: Any) -> bytes:
    fields = {
        "transaction_id": "T1",
        "account_id": "A1",
        "counterparty_id": "C1",
        "amount": "12.50",
        "currency": "EUR",
        "transaction_type": "TRANSFER",
        "channel": "ONLINE",
        "country": "DE",
        "occurred_at": "2026-05-04T11:00:00Z",
    }
    return json.dumps(fields | changes).encode()


def letter(value: bytes | None = None, topic: str = "transactions") -> DeadLetter:
    reasons = ("currency: expected an ISO 4217 code in capitals",)
    return DeadLetter(Place(0, 7), NOW, b"A1", value, reasons, topic, Place(1, 2), NOW, 3)


@dataclass
class Bank:
    """The topic and the stream behind it: it accepts an id once."""

    store: MemoryResentStore = field(default_factory=MemoryResentStore)
    topic: list[tuple[bytes, bytes]] = field(default_factory=list)
    records: list[Resent] = field(default_factory=list)
    accepted: dict[str, bytes] = field(default_factory=dict)
    steps: int | None = None  # until the process dies

    def step(self) -> None:
        if self.steps is not None:
            self.steps -= 1
            if self.steps < 0:
                raise Killed

    def send(self, key: bytes, value: bytes) -> None:
        self.step()
        self.topic.append((key, value))
        self.step()

    def stream(self) -> None:
        for _, value in self.topic:
            self.accepted.setdefault(json.loads(value)["transaction_id"], value)

    def note(self, dead: DeadLetter, resent: Resent) -> None:
        self.step()
        self.records.append(resent)

    def resender(self) -> Resender:
        return Resender(self, "transactions", self.send, self.seen, self.note, MONTH)  # type: ignore[arg-type]

    def seen(self, ids: Sequence[str]) -> dict[str, bytes | None]:
        found = {name: self.accepted.get(name) for name in ids}
        return {
            name: check(value, NOW, MONTH).content or None
            for name, value in found.items()
            if value is not None
        }

    def claim(self, claim: Resent) -> Resent:
        self.step()
        found = self.store.claim(claim)
        self.step()
        return found

    def take_up(self, before: Resent, claim: Resent) -> Resent:
        return self.store.take_up(before, claim)

    def sent(self, claim: Resent, at: datetime) -> Resent:
        self.step()
        return self.store.sent(claim, at)

    def get_many(self, places: list[Place]) -> dict[Place, Resent]:
        return self.store.get_many(places)


@pytest.fixture
def bank() -> Bank:
    return Bank()


def test_the_lease_is_longer_than_the_producer_tries() -> None:
    assert timedelta(seconds=2 * DELIVERY_SECONDS) < LEASE


def test_a_corrected_text_is_sent_byte_for_byte(bank: Bank) -> None:
    value = event()
    done = bank.resender().resend(letter(), value, "ann", NOW)
    assert bank.topic == [(b"A1", value)]
    assert (done.state, done.by, done.transaction_id) == (ResentState.SENT, "ann", "T1")
    assert [one.transaction_id for one in bank.records] == ["T1"]


def test_what_would_be_refused_again_is_not_sent(bank: Bank) -> None:
    with pytest.raises(ResendRefused, match="currency: expected an ISO 4217 code"):
        bank.resender().resend(letter(), event(currency="eur"), "ann", NOW)
    with pytest.raises(ResendRefused, match="older than the retention"):
        bank.resender().resend(letter(), event(), "ann", NOW + MONTH)
    with pytest.raises(ResendRefused, match="tombstone"):
        bank.resender().resend(letter(), None, "ann", NOW)
    assert bank.topic == []
    assert bank.store.get_many([Place(0, 7)]) == {}


def test_a_second_time_is_refused_and_says_who_was_first(bank: Bank) -> None:
    bank.resender().resend(letter(), event(), "ann", NOW)
    bank.accepted.clear()
    with pytest.raises(ResendRefused, match=r"which ann sent at 2026-05-04 12:00:00 UTC as transaction T1"):
        bank.resender().resend(letter(), event(transaction_id="T2"), "bob", NOW)
    assert len(bank.topic) == 1


def test_of_another_transaction_the_id_is_refused(bank: Bank) -> None:
    bank.accepted["T1"] = b""
    with pytest.raises(ResendRefused, match="T1 has been accepted already"):
        bank.resender().resend(letter(), event(), "ann", NOW)


def test_of_an_accepted_transaction_it_says_whether_it_is_the_same(bank: Bank) -> None:
    bank.accepted["T1"] = event()
    with pytest.raises(ResendRefused, match="T1 has been accepted already; this would be a duplicate"):
        bank.resender().resend(letter(), event(amount=12.5), "ann", NOW)
    with pytest.raises(ResendRefused, match="accepted already, with other content; a payment of its own"):
        bank.resender().resend(letter(), event(amount="12.51"), "ann", NOW)
    assert bank.topic == []


def test_labels_are_not_sent_again_here(bank: Bank) -> None:
    with pytest.raises(ResendRefused, match="got one of fraud-labels"):
        bank.resender().resend(letter(topic="fraud-labels"), event(), "ann", NOW)


@pytest.mark.parametrize("accepted_meanwhile", [True, False])
def test_killed_anywhere_there_is_one_transaction_in_the_end(accepted_meanwhile: bool) -> None:
    kills = 0
    for steps in range(20):
        bank, value = Bank(steps=steps), event()
        try:
            bank.resender().resend(letter(), value, "ann", NOW)
        except Killed:
            kills += 1
        bank.steps = None
        if accepted_meanwhile:
            bank.stream()
        there = bank.store.get_many([Place(0, 7)]).get(Place(0, 7))
        if there is None:
            bank.resender().resend(letter(), value, "bob", NOW)
        elif there.state is ResentState.CLAIMED:
            with pytest.raises(ResendRefused, match="claimed by ann"):
                bank.resender().take_up(letter(), "bob", NOW + LEASE / 2)
            bank.resender().take_up(letter(), "bob", NOW + LEASE)
        bank.stream()
        assert bank.accepted == {"T1": value}
        assert len(bank.topic) <= 2
        assert bank.records
        assert bank.store.get_many([Place(0, 7)])[Place(0, 7)].state is ResentState.SENT
    assert kills == 6


def test_a_claim_is_brought_to_its_end_with_its_own_text(bank: Bank) -> None:
    bank.store.claim(Resent(Place(0, 7), uuid.uuid4(), "T1", event(), "ann", NOW))
    later = NOW + LEASE
    with pytest.raises(ResendRefused, match="not confirmed yet; take it up"):
        bank.resender().resend(letter(), event(transaction_id="T2"), "bob", later)
    done = bank.resender().take_up(letter(), "bob", later)
    assert bank.topic == [(b"A1", event())]
    assert (done.state, done.by) == (ResentState.SENT, "bob")


def test_what_the_stream_has_by_then_is_not_sent_a_second_time(bank: Bank) -> None:
    bank.store.claim(Resent(Place(0, 7), uuid.uuid4(), "T1", event(), "ann", NOW))
    bank.accepted["T1"] = event()
    assert bank.resender().take_up(letter(), "bob", NOW + LEASE).state is ResentState.SENT
    assert bank.topic == []
    assert len(bank.records) == 1


def test_what_the_stream_has_of_another_payment_is_not_taken_for_the_claim(bank: Bank) -> None:
    """Marked as sent without being sent it would be gone; sent, the stream refuses it with its reason."""
    bank.store.claim(Resent(Place(0, 7), uuid.uuid4(), "T1", event(), "ann", NOW))
    bank.accepted["T1"] = event(amount="99.99")
    assert bank.resender().take_up(letter(), "bob", NOW + LEASE).state is ResentState.SENT
    assert bank.topic == [(b"A1", event())]


def test_nothing_to_take_up(bank: Bank) -> None:
    with pytest.raises(ResendRefused, match="there is none"):
        bank.resender().take_up(letter(), "bob", NOW)


def test_brokers_that_do_not_confirm_leave_a_claim(bank: Bank) -> None:
    def away(key: bytes, value: bytes) -> None:
        raise DeliveryFailed("away", failed=1)

    resender = bank.resender()
    with pytest.raises(DeliveryFailed):
        Resender(bank, "transactions", away, resender.seen, bank.note, MONTH).resend(  # type: ignore[arg-type]
            letter(), event(), "ann", NOW
        )
    assert bank.store.get_many([Place(0, 7)])[Place(0, 7)].abandoned(NOW + LEASE)


def test_the_key_is_the_account(bank: Bank) -> None:
    assert check(event(account_id="Ä9"), NOW, MONTH).key == "Ä9".encode()
    assert check(event(account_id=7), NOW, MONTH).reasons == ("account_id: expected a JSON string",)
    assert check(b"{", NOW, MONTH).key is None


@pytest.mark.parametrize("text", ["", "1", "1:", ":1", "a:1", "-1:2", "1:2:3", "1:9999999999999999999"])
def test_what_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(PlaceRefused, match="partition:offset"):
        Place.of(text)


def test_places_and_positions_come_back() -> None:
    assert Place.of(str(Place(3, 12))) == Place(3, 12)
    assert position_of(position_text({2: 7, 0: 1})) == {0: 1, 2: 7}
    assert position_of("") is None
    with pytest.raises(PlaceRefused):
        position_of("0:1,,")


def test_bytes_that_are_no_text_can_be_read() -> None:
    assert letter(b'{"a": "\xff"}').text() == '{"a": "\\xff"}'
    assert letter(None).text() == ""
