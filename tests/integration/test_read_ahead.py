"""While the store of accepted ids is away, what arrives is read and decided; accepted it is later, once, in order."""

from __future__ import annotations

from typing import Any

import pytest

from include.governance.decisions import PROVISIONAL
from include.pipeline.provisional import decide_without_history, provisional_file, waiting_for_history
from include.stores.cassandra.errors import StoreUnavailable
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from tests.conftest import KafkaServer
from tests.integration.conftest import MakeJob
from tests.integration.records import sound_records
from tests.pipeline.conftest import NoRules

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]


def away() -> Any:
    raise StoreUnavailable("expected a Cassandra node, none let us in")


def test_an_outage_of_the_store_costs_no_record_and_no_order(
    lake: Lake, job: MakeJob, kafka: KafkaServer, topics: dict[str, str]
) -> None:
    topic, ledger, rules = topics["transactions"], BatchLedger(lake), NoRules()
    first = sound_records(20)
    kafka.send(topic, first)
    assert job().run() == [0]

    kafka.send(topic, [*sound_records(30), *first[:5], (b"A1", b"{broken")])
    with pytest.raises(StoreUnavailable):
        job(away).run()
    assert decide_without_history(lake, rules, job(away).read_ahead()) == [1]
    kafka.send(topic, sound_records(40))
    with pytest.raises(StoreUnavailable):
        job(away).run()
    assert decide_without_history(lake, rules, job(away).read_ahead()) == [2]
    assert decide_without_history(lake, rules, job(away).read_ahead()) == []
    assert ledger.cursor(Stage.ACCEPTED).next_batch == 1  # nothing is accepted yet
    assert waiting_for_history(lake).transactions == 30 + 5 + 40  # repetitions are not known to be any

    assert job().run() == [1, 2]
    totals = ledger.cursor(Stage.ACCEPTED).totals
    assert totals == {"read": 96, "accepted": 90, "duplicates": 5, "dead_lettered": 1}
    for batch in (1, 2):
        decided = set(lake.read_table(provisional_file(batch))["transaction_id"].to_pylist())
        assert decided >= set(lake.read_table(accepted_file(batch))["transaction_id"].to_pylist())
        assert (ledger.manifest(PROVISIONAL, batch) or {})["level"] == "NO_HISTORY"
    kafka.send(topic, sound_records(10))
    assert job().run() == [3]
    assert ledger.cursor(Stage.ACCEPTED).totals["accepted"] == 100


def test_it_begins_by_itself_where_nothing_was_committed(
    lake: Lake, job: MakeJob, kafka: KafkaServer, topics: dict[str, str]
) -> None:
    kafka.send(topics["transactions"], sound_records(25))
    numbers = {batch: rows.num_rows for batch, rows in job(away).read_ahead()}
    assert numbers == {0: 25}
    assert job().run() == [0]
    assert BatchLedger(lake).cursor(Stage.ACCEPTED).totals["accepted"] == 25
