"""Of the records of an id the first is accepted; the same again is a duplicate, something else is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.stores.memory.state import MemorySeenStore
from include.transactions.content import DIGEST_BYTES, content_digest, content_digests
from include.transactions.contract import REASON_AMOUNT, REUSED_TRANSACTION_ID
from include.transactions.judging import judge
from include.transactions.schema import ARRIVAL_SCHEMA
from include.transactions.settling import Settled, reused_ids, settle
from include.transactions.validation import Parsed, validate
from tests.fuzzing import fuzzed
from tests.transactions.corpus import ARRIVED_AT, BASE

RETENTION = timedelta(days=30)
KEY = BASE["account_id"].encode()
ANOTHER: dict[str, Any] = {
    "account_id": "another", "counterparty_id": "another", "amount": "77.7", "currency": "CHF",
    "transaction_type": "DEPOSIT", "channel": "BRANCH", "country": "CH", "device_id": "another",
    "customer_id": "another", "occurred_at": (ARRIVED_AT - timedelta(seconds=77)).isoformat(),
}  # fmt: skip


def text(**changes: Any) -> bytes:
    return json.dumps(BASE | changes).encode()


def arrivals(*values: bytes, first: int = 0, keys: Callable[[int], bytes] = lambda _: KEY) -> pa.Table:
    """Records of one partition in a row, judged."""
    rows = [
        dict.fromkeys(ARRIVAL_SCHEMA.names)
        | {
            "kafka_partition": 0,
            "kafka_offset": first + place,
            "arrived_at": ARRIVED_AT,
            "raw_key": keys(place),
            "raw_value": value,
        }
        for place, value in enumerate(values)
    ]
    return judge(pa.Table.from_pylist(rows, schema=ARRIVAL_SCHEMA), RETENTION)


def settled(batch: int, seen: MemorySeenStore, *values: bytes, first: int = 0) -> Settled:
    """As the task does it: what was accepted is remembered."""
    outcome = settle(arrivals(*values, first=first), seen, batch)
    seen.remember(outcome.contents, batch)
    return outcome


def numbers(outcome: Settled) -> tuple[int, int, int]:
    counts = outcome.counts
    assert counts["read"] == counts["accepted"] + counts["duplicates"] + counts["dead_lettered"]
    return counts["accepted"], counts["duplicates"], counts["dead_lettered"]


def test_within_a_batch_the_id_of_another_payment_is_refused_and_a_repetition_is_a_duplicate() -> None:
    outcome = settled(0, MemorySeenStore(), text(), text(amount="99"), text(), text(currency="CHF"))
    assert numbers(outcome) == (1, 1, 2)
    assert outcome.accepted["kafka_offset"].to_pylist() == [0]
    assert outcome.dead["kafka_offset"].to_pylist() == [1, 3]
    assert outcome.dead["errors"].to_pylist() == [[REUSED_TRANSACTION_ID]] * 2


def test_across_batches_as_well() -> None:
    seen = MemorySeenStore()
    assert numbers(settled(0, seen, text())) == (1, 0, 0)
    outcome = settled(1, seen, text(), text(amount="99"), text(amount="99"), first=1)
    # The first record decides, not the last: what was refused is not remembered.
    assert numbers(outcome) == (0, 1, 2)
    assert outcome.contents == {}


def test_a_batch_that_is_done_again_comes_to_the_same_verdict() -> None:
    seen = MemorySeenStore()
    settled(0, seen, text())
    again = [settled(1, seen, text(amount="99"), text(transaction_id="new"), first=1) for _ in range(2)]
    assert numbers(again[0]) == numbers(again[1]) == (1, 0, 1)
    assert again[0].dead.equals(again[1].dead)
    assert again[0].accepted.equals(again[1].accepted)


def test_what_was_refused_was_never_accepted_so_its_id_is_free() -> None:
    seen = MemorySeenStore()
    assert numbers(settled(0, seen, text(amount="-1"))) == (0, 0, 1)
    assert numbers(settled(1, seen, text(), first=1)) == (1, 0, 0)
    assert numbers(settled(2, seen, text(amount="-1"), text(), first=2)) == (0, 1, 1)


def test_under_an_id_from_before_there_were_digests_everything_is_a_duplicate() -> None:
    seen = MemorySeenStore()
    seen._first[BASE["transaction_id"]] = (0, None)
    assert numbers(settled(1, seen, text(), text(amount="99"))) == (0, 2, 0)


def test_broken_and_reused_stand_in_order_and_are_told_apart() -> None:
    outcome = settled(0, MemorySeenStore(), text(), text(amount="-1"), text(amount="99"), b"{")
    assert outcome.dead["kafka_offset"].to_pylist() == [1, 2, 3]
    assert outcome.dead["errors"].to_pylist()[:2] == [[REASON_AMOUNT], [REUSED_TRANSACTION_ID]]
    assert reused_ids(outcome.dead)["kafka_offset"].to_pylist() == [2]


@pytest.mark.parametrize(
    "written",
    [
        json.dumps(dict(reversed(BASE.items())), indent=2).encode(),
        text(amount="12.5000"),
        text(amount=12.5),
        text(amount="1.25e1"),
        text(occurred_at=BASE["occurred_at"].replace("Z", "+00:00")),
        text(device_id=None),
        text(sent="a second time"),
    ],
)
def test_how_it_is_written_makes_no_difference(written: bytes) -> None:
    outcome = settled(0, MemorySeenStore(), text(amount="12.5"), written)
    assert numbers(outcome) == (1, 1, 0)


@pytest.mark.parametrize("name", sorted(ANOTHER))
def test_every_field_of_the_contract_counts(name: str) -> None:
    other = text(**{name: ANOTHER[name]})
    keys = [KEY, ANOTHER["account_id"].encode() if name == "account_id" else KEY]
    outcome = settle(arrivals(text(), other, keys=lambda place: keys[place]), MemorySeenStore(), 0)
    assert numbers(outcome) == (1, 0, 1), outcome.dead["errors"]


@fuzzed(60)
@given(
    sent=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=30),
    cuts=st.sets(st.integers(0, 30), max_size=4),
)
def test_however_it_is_cut_into_batches_the_same_becomes_of_every_record(
    sent: list[tuple[int, int, bool]], cuts: set[int]
) -> None:
    """And produced = accepted + duplicates + dead-lettered."""
    values = [
        text(transaction_id=f"T{one}", amount=str(10 + content) if sound else "-1")
        for one, content, sound in sent
    ]

    def run(ends: list[int]) -> tuple[list[int], list[int], int]:
        seen, start = MemorySeenStore(), 0
        accepted: list[int] = []
        dead: list[int] = []
        duplicates = 0
        for batch, end in enumerate(ends):
            outcome = settled(batch, seen, *values[start:end], first=start)
            accepted += outcome.accepted["kafka_offset"].to_pylist()
            dead += outcome.dead["kafka_offset"].to_pylist()
            duplicates += outcome.duplicates
            start = end
        return accepted, dead, duplicates

    whole = run([len(values)])
    assert run([*sorted(cut for cut in cuts if cut < len(values)), len(values)]) == whole
    assert len(values) == len(whole[0]) + len(whole[1]) + whole[2]


def test_a_digest_of_a_table_is_that_of_the_reference() -> None:
    parsed = validate(text(device_id="D"), KEY, ARRIVED_AT, RETENTION)
    assert isinstance(parsed, Parsed)
    (digest,) = content_digests(arrivals(text(device_id="D")))
    assert digest == content_digest(parsed)
    assert len(digest) == DIGEST_BYTES
    assert content_digests(ARRIVAL_SCHEMA.empty_table()) == []
