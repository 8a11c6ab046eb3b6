"""A backlog drains in batches of a bounded size, and what an account did comes out in the order it was done."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

import pytest

from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from tests.conftest import KafkaServer
from tests.integration.conftest import MakeJob
from tests.integration.records import sound_records

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

RECORDS, LIMIT, ACCOUNTS = 60_000, 5_000, 500


def numbered(records: list[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """The amount says which record of all it is."""
    for number, (key, value) in enumerate(records):
        yield key, json.dumps({**json.loads(value), "amount": f"{number + 1}"}).encode()


def test_a_backlog_drains_in_bounded_batches_and_keeps_the_order_by_account(
    lake: Lake, job: MakeJob, kafka: KafkaServer, topics: dict[str, str]
) -> None:
    kafka.send(topics["transactions"], numbered(sound_records(RECORDS, ACCOUNTS)))
    ledger, batches = BatchLedger(lake), []
    while made := job(max_offsets_per_batch=LIMIT, max_run_seconds=20.0).run():
        batches += made
    assert batches == list(range(len(batches)))
    assert len(batches) >= RECORDS / LIMIT

    seen: dict[str, list[Decimal]] = defaultdict(list)
    for batch in batches:
        counts = (ledger.manifest(Stage.ACCEPTED, batch) or {})["counts"]
        assert counts["read"] <= LIMIT + 3  # Spark rounds each partition's share up
        table = lake.read_table(accepted_file(batch), ["account_id", "amount"])
        for account, amount in zip(*(column.to_pylist() for column in table.columns), strict=True):
            seen[account].append(amount)
    assert sum(map(len, seen.values())) == RECORDS == ledger.cursor(Stage.ACCEPTED).totals["accepted"]
    assert len(seen) == ACCOUNTS
    assert all(amounts == sorted(amounts) for amounts in seen.values())
