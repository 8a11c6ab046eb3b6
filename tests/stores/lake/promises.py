"""What a lake promises on every store, for the tests of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from include.settings import Settings
from include.spark.process_batch import ProcessJob
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file
from include.stores.memory.state import MemorySeenStore
from include.transactions.dead_letters import KafkaDeadLetters
from tests.conftest import KafkaServer
from tests.integration.records import sound_records


def replaces_a_file_whole(lake: Lake) -> None:
    assert lake.read_json("cursors/one.json") is None
    for number in range(3):
        lake.write_json("cursors/one.json", {"number": number})
        assert lake.read_json("cursors/one.json") == {"number": number}
    assert lake.names("cursors") == ["one.json"]


def keeps_tables_and_times_and_deletes(lake: Lake) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    table = pa.table({"number": range(50_000), "text": ["a" * 200] * 50_000})
    lake.write_table("tables/one.parquet", table)
    assert lake.read_table("tables/one.parquet") == table
    assert lake.rows_of("tables/one.parquet") == 50_000
    assert sum(piece.num_rows for piece in lake.read_pieces("tables/one.parquet", ["number"])) == 50_000
    assert lake.written_since("tables", began) == ["tables/one.parquet"]
    assert lake.written_before("tables", began) == []
    lake.delete_file("tables/one.parquet")
    lake.delete_file("tables/one.parquet")
    lake.delete_folder("tables")
    assert lake.names("tables") == []


def takes_two_batches(lake: Lake, spark: Any, kafka: KafkaServer, now: Settings) -> None:
    """Arrivals, checkpoint and accepted rows, all of them in the lake; the topics of ``now`` are there."""
    config, memory = {"bootstrap.servers": kafka.bootstrap}, MemorySeenStore()
    dead = KafkaDeadLetters(config, now.topics.dead_letter, now.topics.transactions)
    for batch in range(2):
        kafka.send(now.topics.transactions, sound_records(50))
        assert ProcessJob(spark, config, lake, lambda: memory, dead, now).run() == [batch]
        assert lake.read_table(accepted_file(batch)).num_rows == 50
    assert BatchLedger(lake).cursor(Stage.ACCEPTED).next_batch == 2
