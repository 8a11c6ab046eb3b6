"""Scores a large batch inside Spark's Python workers, by the same function the task uses for a small one.

The workers are reused from batch to batch and keep what they loaded: model, rules, Cassandra session.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from include.detection.registry import ModelRegistry
from include.detection.scored import scored_schema
from include.features.catalogue import FEATURE_NAMES
from include.governance.rule_book import RuleBook
from include.pipeline.batch_log import labels_of
from include.pipeline.models import model_registry, rule_book
from include.pipeline.scoring import Configuration, Models, score_table
from include.settings import Settings
from include.stores.cassandra.address import CassandraAddress
from include.stores.cassandra.state import CassandraStateStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import accepted_file
from include.transactions.schema import ACCEPTED_SCHEMA


@lru_cache(maxsize=1)
def _states(address: CassandraAddress) -> CassandraStateStore:
    return CassandraStateStore(address.connect())


@lru_cache(maxsize=1)
def _registry(lake: str) -> ModelRegistry:
    return model_registry(Lake(lake))


@lru_cache(maxsize=1)
def _rules(lake: str) -> RuleBook:
    return rule_book(Lake(lake))


@dataclass(frozen=True, slots=True)
class SparkScorer:
    """Scores batches in Spark.

    The whole batch is one partition: an account's and a counterparty's windows both reach across the
    batch, and no single partitioning keeps both together. Batches are bounded, so is the worker.
    """

    spark: Any
    lake: Lake
    cassandra: CassandraAddress
    settings: Settings

    def __call__(self, batch: int, configuration: Configuration) -> pa.Table:
        """Scored table of an accepted batch."""
        path = accepted_file(batch)
        schema = scored_schema(FEATURE_NAMES)
        work = _Work(batch, configuration, self.cassandra, self.lake.uri)
        scored = (
            self.spark.read.parquet(self.lake.url(path))
            .coalesce(1)
            .mapInArrow(work, _spark_schema(schema))
            .toArrow()
        )
        return scored.select(schema.names).cast(schema)


@dataclass(frozen=True, slots=True)
class _Work:
    """What runs in the worker; pickled by value, its modules are imported there."""

    batch: int
    configuration: Configuration
    cassandra: CassandraAddress
    lake: str

    def __call__(self, parts: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = list(parts)
        if not rows:
            return
        accepted = pa.Table.from_batches(rows).select(ACCEPTED_SCHEMA.names).cast(ACCEPTED_SCHEMA)
        scored = score_table(
            accepted,
            self.batch,
            _states(self.cassandra),
            Models.of(self.configuration, _registry(self.lake)),
            _rules(self.lake).load(self.configuration.ruleset, self.configuration.lists),
            self.configuration.scored_at,
            labels_of(Lake(self.lake), self.batch),
        )
        yield from scored.to_batches()


def _spark_schema(schema: pa.Schema) -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema, prefer_timestamp_ntz=False)
