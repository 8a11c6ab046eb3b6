"""Every setting of the project in one typed object.

Read from the environment (``TIDEWATCH_…``, nested names joined by two underscores, e.g.
``TIDEWATCH_PORTS__KAFKA=29092``) and from a ``.env`` file in the project's folder. Addresses and
credentials of servers are Airflow connections (``airflow_settings.yaml``), not settings.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parent.parent

#: The embedded stack listens here and nowhere else.
HOST = "127.0.0.1"


class Ports(BaseModel):
    """TCP ports of the embedded stack, all on 127.0.0.1. Every one can be changed."""

    airflow: int = 8080
    airflow_task_logs: int = 18793
    airflow_trigger_logs: int = 18794
    kafka: int = 19092
    kafka_controller: int = 19093
    cassandra: int = 19042
    cassandra_storage: int = 17000
    postgres: int = 15432
    spark_connect: int = 15002
    smtp: int = 11025
    mailbox: int = 18025

    @model_validator(mode="after")
    def _all_different(self) -> Self:
        taken: dict[int, str] = {}
        for name, port in self:
            if port in taken:
                raise ValueError(
                    f"ports: expected every port once, got {port} for both {taken[port]!r} and {name!r}; "
                    f"set TIDEWATCH_PORTS__{name.upper()} to a free one"
                )
            taken[port] = name
        return self


class Memory(BaseModel):
    """Heap sizes of the embedded servers in MiB; together with Airflow they stay within 6 GiB."""

    kafka: int = 320
    cassandra: int = 640
    spark: int = 1024


class Stream(BaseModel):
    """How arrivals become batches. Short lingers cost Airflow runs, long ones cost latency."""

    poll_seconds: float = Field(0.1, gt=0)  # how often the trigger looks at the end offsets
    linger_seconds: float = Field(0.15, ge=0)  # wait for company after the first unprocessed record
    cadence_seconds: float = Field(1.0, gt=0)  # at most one wake-up in this time
    refire_seconds: float = Field(15.0, gt=0)  # wake again when nothing has advanced for this long
    max_offsets_per_batch: int = Field(20_000, gt=0)  # bounds the memory of every later step
    max_run_seconds: float = Field(30.0, gt=0)  # one run hands over to the next after this long
    retention_days: int = Field(30, gt=0)  # older events are refused
    history_patience_seconds: float = Field(20.0, ge=0)  # away so long, decisions are made without history
    spark_from_rows: int = Field(5_000, ge=0)  # batches this large are scored inside Spark's workers

    @property
    def retention(self) -> timedelta:
        """Oldest age at which an event is still accepted."""
        return timedelta(days=self.retention_days)


class Topics(BaseModel):
    """Names of the Kafka topics."""

    transactions: str = "transactions"
    dead_letter: str = "transactions.dead-letter"
    labels: str = "fraud-labels"


class Settings(BaseSettings):
    """The settings of one installation."""

    model_config = SettingsConfigDict(
        env_prefix="TIDEWATCH_",
        env_nested_delimiter="__",
        env_file=PROJECT / ".env",
        extra="ignore",
        frozen=True,
    )

    stack_dir: Path = PROJECT / ".local" / "stack"  # data, logs and process ids of the embedded stack
    jars_dir: Path = PROJECT / ".local" / "jars"
    reports_dir: Path = PROJECT / "reports"
    lake_uri: str = ""  # file:, hdfs: or s3: URI; empty: below stack_dir
    keyspace: str = "tidewatch"
    # Of a keyspace that has to be made; a cluster wants NetworkTopologyStrategy and a factor of 3.
    replication: dict[str, str | int] = {"class": "SimpleStrategy", "replication_factor": 1}
    # Where the fraud desk is for people outside this machine, e.g. https://bank.example/fraud-desk; empty: messages
    # have no links. The keys sign customers' links; several, separated by commas, the newest last.
    desk_url: str = ""
    link_keys: SecretStr = SecretStr("")
    topic_partitions: int = Field(6, gt=0)
    ports: Ports = Ports()
    memory: Memory = Memory()
    stream: Stream = Stream()
    topics: Topics = Topics()

    @property
    def lake(self) -> str:
        """URI of the lake's root, without a slash at its end."""
        return (self.lake_uri or (self.stack_dir / "lake").as_uri()).rstrip("/")

    @property
    def rules_dir(self) -> Path:
        """Folder of the live rule files."""
        return PROJECT / "include" / "sql" / "rules"

    @property
    def migrations_dir(self) -> Path:
        """Folder of the numbered CQL migrations."""
        return PROJECT / "include" / "sql" / "cassandra"


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once.

    Raises
    ------
    pydantic.ValidationError
        When the environment holds a value that cannot work; the message names the variable's field.
    """
    return Settings()
