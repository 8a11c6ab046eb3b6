"""The chain's steps as their tasks run them, one after the other and without Airflow."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from include.alerts.channels.base import Channel
from include.alerts.rendering import Renderer
from include.alerts.routing import Router
from include.alerts.routing_file import load_routing
from include.detection.registry import ModelRegistry
from include.governance.rule_book import RuleBook
from include.local.clients import cassandra_client, kafka_client, spark_url
from include.orchestration.casework import intake_on
from include.pipeline import alerting, loading
from include.pipeline.models import model_registry
from include.pipeline.scoring import LocalScorer, score
from include.rules.columns import rule_columns
from include.settings import Settings
from include.spark.process_batch import ProcessJob
from include.spark.session import connect
from include.spark.stream_query import AVAILABLE_NOW
from include.stores.cassandra.alerts import CassandraAlertStore
from include.stores.cassandra.customers import CassandraCustomerStore
from include.stores.cassandra.loader import load_batch
from include.stores.cassandra.migrations import migrate
from include.stores.cassandra.outbox import CassandraOutboxStore
from include.stores.cassandra.seen import CassandraSeenStore
from include.stores.cassandra.state import CassandraStateStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.transactions.dead_letters import KafkaDeadLetters
from include.transactions.topics import ensure_topics, topic_specs


def make_stores(now: Settings) -> None:
    """Keyspace, tables, topics and the shipped rules, as ``initialize_stores`` makes them."""
    bare = cassandra_client(now, "admin").connect(with_keyspace=False)
    migrate(bare, now.keyspace, now.replication, event_days=now.stream.retention_days)
    bare.cluster.shutdown()
    names = now.topics
    specs = topic_specs(
        transactions=names.transactions, dead_letter=names.dead_letter, labels=names.labels,
        partitions=now.topic_partitions,
    )  # fmt: skip
    ensure_topics(kafka_client(now, "admin")["bootstrap.servers"], specs)
    RuleBook(Lake(now.lake), rule_columns()).publish_shipped(now.rules_dir)


@dataclass
class Chain:
    """The steps, each on connections that are kept.

    Attributes
    ----------
    spark
        A Spark Connect session; None for those who do not process.
    seconds
        Time spent in each step so far.
    """

    now: Settings
    session: Any
    spark: Any
    alerts: Any
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        """Open what needs no connection."""
        self.lake = Lake(self.now.lake)
        self.ledger = BatchLedger(self.lake)
        self.rules = RuleBook(self.lake, rule_columns())
        self.registry: ModelRegistry = model_registry(self.lake)
        self.routing = load_routing()
        self.router = Router(self.routing, CassandraCustomerStore(self.session))
        self.outbox = CassandraOutboxStore(self.session)
        self.intake = intake_on(self.session, self.routing.repeat_window)
        self.states = CassandraStateStore(self.session)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[name] += time.monotonic() - began

    def job(self, trigger: Mapping[str, Any] = AVAILABLE_NOW) -> ProcessJob:
        """The streaming job; by default one ``availableNow`` run."""
        kafka, topics = kafka_client(self.now, "pipeline"), self.now.topics
        dead = KafkaDeadLetters(kafka, topics.dead_letter, topics.transactions)
        seen = CassandraSeenStore(self.session)
        return ProcessJob(self.spark, kafka, self.lake, lambda: seen, dead, self.now, trigger=trigger)

    def process(self) -> list[int]:
        """One run of the streaming job; the batches it made."""
        with self._timed("process"):
            return self.job().run()

    def score(self) -> list[int]:
        """Score what is due."""
        with self._timed("score"):
            scorer = LocalScorer(self.lake, self.states, self.registry, self.rules)
            due = self.ledger.due(Stage.SCORED)
            return score(due, self.ledger, self.lake, self.registry, self.rules, lambda rows: scorer)

    def raise_alerts(self) -> list[int]:
        """Write the alerts that are due, and their deliveries."""
        with self._timed("raise alerts"):
            return alerting.raise_alerts(
                self.ledger.due(Stage.ALERTED), self.ledger, self.lake, self.alerts, self.intake, self.router,
                self.outbox,
            )  # fmt: skip

    def deliver(self, channels: Callable[[], Sequence[Channel]]) -> None:
        """Send what is due in the outbox."""
        with self._timed("deliver"):
            alerting.deliver(
                self.alerts, self.outbox, channels, Renderer(), self.routing.limits, self.router.may_tell
            )

    def load(self) -> list[int]:
        """Load what is due."""
        with self._timed("load"):
            return loading.load(
                self.ledger.due(Stage.STORED), self.ledger, self.lake,
                lambda table, batch: load_batch(self.session, table, batch).transactions,
            )  # fmt: skip

    def step(self) -> int:
        """One round of every step but delivery; how many batches were accepted."""
        made = self.process()
        self.score()
        self.raise_alerts()
        self.load()
        return len(made)


@contextmanager
def connected(
    now: Settings, *, spark: bool = True, alerts: Callable[[Any], Any] = CassandraAlertStore
) -> Iterator[Chain]:
    """A chain on the stores of a stack; its connections are closed at the end.

    Parameters
    ----------
    spark
        Whether it processes.
    alerts
        Makes the store of alerts from the session.
    """
    session = cassandra_client(now, "pipeline").connect()
    try:
        spark_session = connect(spark_url(now), Lake(now.lake)) if spark else None
        try:
            yield Chain(now, session, spark_session, alerts(session))
        finally:
            if spark_session is not None:
                spark_session.stop()  # before the server goes, or the client waits for it for minutes
    finally:
        session.cluster.shutdown()
