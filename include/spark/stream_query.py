"""The native streaming plan: a topic read, parsed and written as rows, by default in one ``availableNow`` run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from include.settings import Stream
from include.spark.kafka_source import consumer_group, source_options
from include.spark.parsing import parse
from include.stores.lake.files import Lake

#: One run over what is there; a stream that never ends is for comparison (``benchmarks/bench``).
AVAILABLE_NOW: Mapping[str, Any] = MappingProxyType({"availableNow": True})


def start_query(
    spark: Any, kafka: Mapping[str, str], topic: str, lake: Lake, output: str, checkpoint: str, stream: Stream,
    name: str, start: Mapping[int, int] | None = None, trigger: Mapping[str, Any] = AVAILABLE_NOW,
) -> Any:  # fmt: skip
    """Start a run of the native streaming plan: read a topic, parse, write ``ARRIVAL_SCHEMA`` rows.

    Parameters
    ----------
    kafka
        librdkafka settings of the brokers.
    output, checkpoint
        Paths in the lake.
    start
        First offset of every partition; None for the earliest there are.
    trigger
        Arguments of Spark's ``trigger``.
    """
    offsets = {topic: {str(partition): offset for partition, offset in (start or {}).items()}}
    options = source_options(kafka)
    records = (
        spark.readStream.format("kafka")
        .options(**options)
        .option("subscribe", topic)
        .option("startingOffsets", json.dumps(offsets) if start else "earliest")
        # What is gone is counted before a run; should more go while it reads, it fails, and the next one counts.
        .option("failOnDataLoss", "true")
        .option("maxOffsetsPerTrigger", stream.max_offsets_per_batch)
        # What a batch reads is there already; half a second of waiting for more, a partition, helps nobody.
        .option("kafka.fetch.max.wait.ms", 10)
        # The same for every run, so that Spark's consumers are kept from one to the next.
        .option("kafka.group.id", consumer_group(name, topic, options))
        .load()
    )
    return (
        # Two files a batch, not one a Kafka partition: small files cost more than the lost parallelism.
        parse(records, stream.retention)
        .coalesce(2)
        .writeStream.format("parquet")
        .option("path", lake.url(output))
        .option("checkpointLocation", lake.url(checkpoint))
        # Records may be large: a row group is written, and read again, before many of them are in memory.
        .option("parquet.block.size", 16 * 2**20)
        .option("parquet.block.size.row.check.min", 1)
        .option("parquet.page.size.row.check.min", 1)
        # With a dictionary the same large value many times would look small to the writer, and be large to the reader.
        .option("parquet.enable.dictionary#raw_value", "false")
        .queryName(name)
        .trigger(**trigger)
        .start()
    )
