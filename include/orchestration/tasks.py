"""Bodies of the chain's tasks: stores from connections, then the pipeline's step.

Each returns the partition keys of the batches it finished, which the DAG hands to its outlet asset.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from include.detection.registry import ModelRegistry
from include.governance.errors import RuleBookError
from include.governance.incidents import clear_incident, raise_incident
from include.governance.rule_book import RuleBook
from include.orchestration import degrading
from include.orchestration.connections import (
    cassandra_address,
    cassandra_session,
    cassandra_session_soon,
    kafka_config,
    spark_session,
)
from include.orchestration.degrading import is_store_away
from include.orchestration.steps import batches_to_do, keys_of, this_run
from include.pipeline import loading, scoring
from include.pipeline.known_labels import transactions_known
from include.pipeline.labelling import LabelJob
from include.pipeline.models import model_registry, rule_book
from include.pipeline.provisional import accepted_and_due
from include.settings import settings
from include.spark.process_batch import ProcessJob
from include.spark.score_batch import SparkScorer
from include.stores.cassandra.audit import witness
from include.stores.cassandra.labels import CassandraLabelStore
from include.stores.cassandra.loader import load_batch
from include.stores.cassandra.queries import transactions
from include.stores.cassandra.retention import Retention
from include.stores.cassandra.seen import CassandraSeenStore
from include.stores.cassandra.state import CassandraStateStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.transactions.dead_letters import KafkaDeadLetters
from include.transactions.label_records import read_labels
from include.transactions.offsets import TopicOffsets

log = logging.getLogger(__name__)

_DAG_OF = {
    Stage.SCORED: "score_transactions",
    Stage.ALERTED: "raise_alerts",
    Stage.STORED: "load_cassandra",
}


def _lake() -> Lake:
    return Lake(settings().lake)


@lru_cache(maxsize=1)
def _registry() -> ModelRegistry:
    return model_registry(_lake())


@lru_cache(maxsize=1)
def _rules() -> RuleBook:
    return rule_book(_lake())


def warm_up() -> None:
    """Load the rules and the current model into this process; forks of it then look for newer ones only.

    Before ``initialize_stores`` has run there are none, which is no error.
    """
    _rules().check_beforehand(settings().rules_dir)
    with suppress(RuleBookError):
        _rules().current()
    _registry().current()


def process() -> list[str]:
    """Read what arrived, settle it into batches.

    Raises
    ------
    AirflowSkipException
        The store of accepted ids stays away: what has arrived was decided without history and is settled later.
    MigrationInvalid
        Ids would be forgotten while their events may still come a second time.
    """
    now, lake, began_at = settings(), _lake(), datetime.now(UTC)
    Retention().refuse_forgetting(now.stream.retention_days)
    with cassandra_session_soon() as session:
        kafka = kafka_config()
        job = ProcessJob(
            spark_session(lake),
            {name: str(value) for name, value in kafka.items()},
            lake,
            lambda: CassandraSeenStore(session()),
            KafkaDeadLetters(kafka, now.topics.dead_letter, now.topics.transactions),
            now,
            this_run(),
            began_at,
        )
        try:
            return keys_of(job.run())
        except Exception as error:
            # Without the store nothing is accepted; what has arrived is read, and decided for the time being.
            if _must_wait(lake, error):
                raise
            words = degrading.decide_for_now(lake, _rules(), job.read_ahead(), str(error))
            raise AirflowSkipException(words) from error


def score(run: Any) -> list[str]:
    """Score what was accepted; without history, for the time being, if the store of the past stays away.

    Raises
    ------
    AirflowSkipException
        It was decided without history: nothing is scored yet, and nobody is woken.
    """
    lake = _lake()
    batches = batches_to_do(BatchLedger(lake), Stage.SCORED, run)
    if not batches:
        return []
    try:
        done = _score(lake, batches)
    except Exception as error:
        # A batch that is done again by hand has its decisions; it waits for the store.
        if batches.stop != BatchLedger(lake).due(Stage.SCORED).stop or _must_wait(lake, error):
            raise
        words = degrading.decide_for_now(lake, _rules(), accepted_and_due(lake), str(error))
        raise AirflowSkipException(words) from error
    degrading.over_if_caught_up(lake)
    return done


def _must_wait(lake: Lake, error: Exception) -> bool:
    """Whether an error is to be tried again: it is none of the store of the past, or that is not away for long."""
    patience = settings().stream.history_patience_seconds
    return not (is_store_away(error) and degrading.store_is_away_for_long(lake, patience))


def _score(lake: Lake, batches: range) -> list[str]:
    ledger, registry = BatchLedger(lake, this_run()), _registry()
    with cassandra_session_soon() as session:

        def scorer_for(rows: int) -> scoring.Scorer:
            if rows < settings().stream.spark_from_rows:
                return scoring.LocalScorer(lake, CassandraStateStore(session()), registry, _rules())
            return SparkScorer(spark_session(lake), lake, cassandra_address(), settings())

        try:
            return keys_of(scoring.score(batches, ledger, lake, registry, _rules(), scorer_for))
        finally:
            _tell_of_problems(lake, "models", registry.problems)
            _tell_of_problems(lake, "rules", _rules().problems)


def _tell_of_problems(lake: Lake, what: str, problems: Sequence[str]) -> None:
    """Scoring has gone on with the last good models and rules; somebody has to know."""
    if problems:
        raise_incident(lake, what, "; ".join(problems))
    else:
        clear_incident(lake, what)


def load(run: Any) -> list[str]:
    """Load what was scored into Cassandra."""
    os.nice(10)  # alerts first, where processors are few
    lake = _lake()
    ledger = BatchLedger(lake, this_run())
    batches = batches_to_do(ledger, Stage.STORED, run)
    if not batches:
        return []
    with cassandra_session() as session:
        return keys_of(
            loading.load(
                batches,
                ledger,
                lake,
                lambda table, batch: load_batch(session, table, batch).transactions,
                witness=lambda record: witness(session, record),
            )
        )


def collect_labels() -> list[str]:
    """Take the fraud labels that have arrived into batches."""
    now, lake = settings(), _lake()
    kafka = kafka_config()
    topic = now.topics.labels
    with cassandra_session() as session, TopicOffsets(kafka, topic) as offsets:
        job = LabelJob(
            lambda start, ends: read_labels(kafka, topic, start, ends),
            transactions_known(lake, lambda ids: transactions(session, ids)),
            lake,
            CassandraLabelStore(session),
            KafkaDeadLetters(kafka, now.topics.dead_letter, topic),
            patience=now.stream.retention,
        )
        extent = offsets.extent()
        return keys_of(job.run(extent.readable_ends, extent))


def stranded(stage: Stage, count_runs: Callable[..., int]) -> list[str]:
    """Key of the newest batch that waits for a stage while no run of its DAG is under way: what the sweep wakes up for.

    A run that is under way does what is due; another one would cost the chain a task and find nothing.

    Parameters
    ----------
    count_runs
        The task instance's ``get_dr_count``.
    """
    due = BatchLedger(_lake()).due(stage)
    if not due or count_runs(dag_id=_DAG_OF[stage], states=["queued", "running"]):
        return []
    return keys_of([due[-1]])
