"""Reads a streaming query's checkpoint: which micro-batches are committed, and what each one read.

The offset and commit logs are plain text, one file a micro-batch, stable since Spark 2.0 and the
documented way to inspect a query; the file sink's own log is neither, and is left to Spark.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from include.stores.lake.files import Lake

#: End offsets by Kafka partition; a partition not in it has not been read from.
Offsets = Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The checkpoint of a query over one topic."""

    lake: Lake
    path: str
    topic: str

    def is_committed(self, batch: int) -> bool:
        """Whether the sink has all of a micro-batch."""
        return self.lake.exists(f"{self.path}/commits/{batch}")

    def end_offsets(self, batch: int) -> dict[int, int]:
        """Where a planned micro-batch ends in each partition.

        Raises
        ------
        FileNotFoundError
            When the micro-batch has not been planned, or its log entry was cleaned away.
        ValueError
            When the entry does not have the form Spark writes.
        """
        text = self.lake.read_bytes(f"{self.path}/offsets/{batch}").decode()
        for line in text.splitlines()[2:]:
            document = json.loads(line)
            if self.topic in document:
                return {int(partition): int(end) for partition, end in document[self.topic].items()}
        raise ValueError(
            f"expected the offsets of topic {self.topic!r} in {self.path}/offsets/{batch}, got {text[:200]!r}; "
            "was the topic renamed? Then start a new lake"
        )
