"""The servers of the embedded stack, one a file; ``all_services`` gives them in starting order."""

from __future__ import annotations

from include.local.services.airflow import ApiServer, CeleryWorker, DagProcessor, Scheduler, Triggerer
from include.local.services.base import Service, port_answers
from include.local.services.cassandra import Cassandra
from include.local.services.kafka import Kafka
from include.local.services.mailbox import Mailbox
from include.local.services.postgres import Postgres
from include.local.services.spark import SparkConnect, SparkMaster, SparkWorker
from include.settings import SPARK_WORKERS, Settings

__all__ = ["AIRFLOW", "STORES", "Service", "all_services", "port_answers"]

#: What the data flow through, besides Airflow.
STORES = ("postgres", "kafka", "cassandra", "spark", "mailbox")
AIRFLOW = ("api-server", "scheduler", "triggerer", "dag-processor")


def all_services(settings: Settings) -> dict[str, Service]:
    """Every service by name, in the order of starting."""
    nodes = range(1, len(settings.hosts) + 1)
    services: list[Service] = [
        Postgres(settings),
        *(Kafka(settings, node) for node in nodes),
        *(Cassandra(settings, node) for node in nodes),
        *(_spark_cluster(settings) if settings.is_cluster else ()),
        SparkConnect(settings),
        Mailbox(settings),
        ApiServer(settings),
        Scheduler(settings),
        Triggerer(settings),
        DagProcessor(settings),
        *([CeleryWorker(settings)] if settings.is_cluster else ()),
    ]
    return {service.name: service for service in services}


def _spark_cluster(settings: Settings) -> list[Service]:
    return [SparkMaster(settings), *(SparkWorker(settings, number) for number in range(1, SPARK_WORKERS + 1))]
