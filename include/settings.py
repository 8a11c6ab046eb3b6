"""Every setting of the project in one typed object.

Read from the environment (``TIDEWATCH_…``, nested names joined by two underscores, e.g.
``TIDEWATCH_PORTS__KAFKA=29092``) and from a ``.env`` file in the project's folder. Addresses and
credentials of servers are Airflow connections (``airflow_settings.yaml``), not settings.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AliasChoices,
    BaseModel,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

PROJECT = Path(__file__).resolve().parent.parent

#: The embedded stack listens here and nowhere else.
HOST = "127.0.0.1"
#: A token that opens something must not be guessed.
_TOKEN_CHARACTERS = 24


_PREFIX, _NESTED = "TIDEWATCH_", "__"

Port = Annotated[int, Field(gt=0, lt=65_536)]
Megabytes = Annotated[int, Field(ge=64, le=1_048_576)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
TopicName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]


class SettingsRefused(ValueError):
    """The environment holds what cannot work; the message names every variable."""


class Ports(BaseModel):
    """TCP ports of the embedded stack, all on 127.0.0.1. Every one can be changed."""

    airflow: Port = 8080
    airflow_task_logs: Port = 18793
    airflow_trigger_logs: Port = 18794
    kafka: Port = 19092
    kafka_controller: Port = 19093
    cassandra: Port = 19042
    cassandra_storage: Port = 17000
    postgres: Port = 15432
    spark_connect: Port = 15002
    spark_master: Port = 17077  # of a cluster, as its workers' port
    spark_worker: Port = 17078
    smtp: Port = 11025
    mailbox: Port = 18025

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

    kafka: Megabytes = 320
    cassandra: Megabytes = 640
    spark: Megabytes = 1024


class Stream(BaseModel):
    """How arrivals become batches. Short lingers cost Airflow runs, long ones cost latency."""

    poll_seconds: Seconds = 0.1  # how often the trigger looks at the end offsets
    linger_seconds: float = Field(0.15, ge=0, le=3_600)  # wait for company after the first unprocessed record
    cadence_seconds: Seconds = 1.0  # at most one wake-up in this time
    refire_seconds: Seconds = 15.0  # wake again when nothing has advanced for this long
    max_offsets_per_batch: int = Field(20_000, gt=0)  # bounds the memory of every later step
    max_run_seconds: Seconds = 30.0  # one run hands over to the next after this long
    retention_days: int = Field(30, gt=0, le=3_650)  # older events are refused; less than ids are remembered
    history_patience_seconds: float = Field(
        20.0, ge=0, le=86_400
    )  # away so long, decisions are made without history
    spark_from_rows: int = Field(5_000, ge=0)  # batches this large are scored inside Spark's workers

    @property
    def retention(self) -> timedelta:
        """Oldest age at which an event is still accepted."""
        return timedelta(days=self.retention_days)


class Topics(BaseModel):
    """Names of the Kafka topics."""

    transactions: TopicName = "transactions"
    dead_letter: TopicName = "transactions.dead-letter"
    labels: TopicName = "fraud-labels"


#: ``single``: one of each server. ``cluster``: three brokers and three Cassandra nodes on loopback addresses of their
#: own, a Spark master with two workers, Airflow with Celery: docs/scaling.md.
Topology = Literal["single", "cluster"]
#: Brokers and Cassandra nodes of a cluster.
CLUSTER_NODES = 3
SPARK_WORKERS = 2

#: ``open``: no passwords between the parts, all on the loopback interface. ``secure``: docs/security-profile.md.
Profile = Literal["open", "secure"]


def _stack_dir(chosen: dict[str, Any]) -> Path:
    """A stack of its own for each profile and topology: what servers were made as does not change afterwards."""
    kind = "-secure" if chosen.get("profile") == "secure" else ""
    return PROJECT / ".local" / f"stack{kind}{'-cluster' if chosen.get('topology') == 'cluster' else ''}"


def _replication(chosen: dict[str, Any]) -> dict[str, str | int]:
    if chosen.get("topology") == "cluster":
        return {"class": "NetworkTopologyStrategy", "datacenter1": CLUSTER_NODES}
    return {"class": "SimpleStrategy", "replication_factor": 1}


class Settings(BaseSettings):
    """The settings of one installation."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_nested_delimiter=_NESTED,
        env_file=PROJECT / ".env",
        extra="ignore",
        frozen=True,
    )

    profile: Profile = "open"  # of the embedded stack
    topology: Topology = "single"  # of the embedded stack
    stack_dir: Path = Field(default_factory=_stack_dir)  # data, logs and process ids of the embedded stack
    jars_dir: Path = PROJECT / ".local" / "jars"
    reports_dir: Path = PROJECT / "reports"
    lake_uri: str = ""  # file:, hdfs: or s3: URI; empty: below stack_dir
    # Files of a lake on a local disk survive a power cut; worth its time where the brokers' records do, too.
    lake_sync: bool = False
    keyspace: str = Field("tidewatch", pattern=r"^[a-z][a-z0-9_]{0,47}$")
    # Of a keyspace that has to be made; a cluster of your own wants its data centres and a factor of 3 in each.
    replication: dict[str, str | int] = Field(default_factory=_replication)
    # Where the fraud desk is for people outside this machine, e.g. https://bank.example/fraud-desk; empty: messages
    # have no links. The keys sign customers' links; several, separated by commas, the newest last.
    desk_url: str = ""
    link_keys: SecretStr = SecretStr("")
    # What Prometheus shows to read the metrics; empty: only people and programs with a session of Airflow read them.
    metrics_token: SecretStr = SecretStr("")
    # Where traces go, OTLP over HTTP, e.g. http://collector:4318; empty: nowhere.
    otlp_endpoint: str = Field(
        "", validation_alias=AliasChoices("TIDEWATCH_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    )

    # Tokens in the place of accounts, counterparties, customers and devices before anything is sent, see
    # docs/pseudonyms.md: the key they are made with, and the look-up that leads back, with a key of its own.
    pseudonyms: bool = False
    pseudonym_key: SecretStr = SecretStr("")
    lookup_key: SecretStr = SecretStr("")
    lookup_path: Path = PROJECT / ".local" / "pseudonyms.sqlite"
    topic_partitions: int = Field(6, gt=0, le=10_000)
    ports: Ports = Ports()
    memory: Memory = Memory()
    stream: Stream = Stream()
    topics: Topics = Topics()

    @field_validator("stack_dir", "jars_dir", "reports_dir")
    @classmethod
    def _within_the_project(cls, folder: Path) -> Path:
        return PROJECT / folder  # one that is absolute stays as it is

    @field_validator("lake_uri")
    @classmethod
    def _a_lake(cls, uri: str) -> str:
        # Asked for once, by whoever starts: what opens the lake says less about it.
        if uri and not urlsplit(uri).scheme:
            raise ValueError(
                "expected a URI, e.g. file:///data/lake, hdfs://namenode/lake or s3://bucket/lake"
            )
        return uri

    @field_validator("desk_url")
    @classmethod
    def _a_page(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.netloc):
            raise ValueError("expected an address, e.g. https://bank.example/fraud-desk")
        return url

    @field_validator("metrics_token")
    @classmethod
    def _not_guessed(cls, token: SecretStr) -> SecretStr:
        if 0 < len(token.get_secret_value()) < _TOKEN_CHARACTERS:
            raise ValueError(
                f"metrics_token: expected at least {_TOKEN_CHARACTERS} characters, got fewer; make one with "
                "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        return token

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.is_cluster and self.is_secure:
            raise ValueError(
                "TIDEWATCH_TOPOLOGY: expected single with the secure profile, got cluster; the embedded certificates "
                "are for one host. A cluster of your own has its own: docs/security-profile.md"
            )
        return self

    @model_validator(mode="after")
    def _pseudonyms_have_keys(self) -> Self:
        key, lookup = self.pseudonym_key.get_secret_value(), self.lookup_key.get_secret_value()
        if self.pseudonyms and (len(key) < 16 or not lookup):
            raise ValueError(
                "pseudonyms: expected TIDEWATCH_PSEUDONYM_KEY of at least 16 characters and TIDEWATCH_LOOKUP_KEY, got "
                f"{len(key)} and {len(lookup)} characters; docs/pseudonyms.md says how to make them. Without the same "
                "keys the same account has another token"
            )
        return self

    @property
    def is_secure(self) -> bool:
        """Whether the embedded stack has TLS, accounts and rights."""
        return self.profile == "secure"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Addresses of the brokers, and of the Cassandra nodes; every node has the same ports."""
        return tuple(f"127.0.0.{node}" for node in range(1, 1 + (CLUSTER_NODES if self.is_cluster else 1)))

    @property
    def brokers(self) -> str:
        """Bootstrap addresses of Kafka."""
        return ",".join(f"{host}:{self.ports.kafka}" for host in self.hosts)

    @property
    def is_cluster(self) -> bool:
        """Whether the embedded stack has several of what can be several."""
        return self.topology == "cluster"

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
    SettingsRefused
        The environment, or the file ``.env``, holds a value that cannot work; the message names every variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsRefused("; ".join(map(_words, error.errors()))) from None
    except SettingsError as error:
        # What the variable holds is not told: it may be a secret.
        named = [_PREFIX + name.upper() for name in Settings.model_fields if f'"{name}"' in str(error)]
        raise SettingsRefused(
            f"{', '.join(named)}: expected JSON, or a variable for each part, e.g. {_PREFIX}PORTS{_NESTED}KAFKA=29092; "
            "correct or unset it"
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsRefused(
            f"expected UTF-8 text in {PROJECT / '.env'}, got {error}; save it anew"
        ) from None


def _words(problem: ErrorDetails) -> str:
    """One problem, with the variable's name. What it holds is shown unless it is, or may be part of, a secret."""
    name = _PREFIX + _NESTED.join(str(part).upper() for part in problem["loc"])
    if problem["type"] == "value_error" and "TIDEWATCH_" in problem["msg"]:
        return problem["msg"].removeprefix("Value error, ")
    said = problem["msg"].removeprefix("Value error, ")
    plain = isinstance(problem["input"], str | int | float) and "KEY" not in name
    got = f", got {str(problem['input'])[:60]!r}" if plain else ""
    return f"{name}: {said[0].lower()}{said[1:]}{got}; correct or unset it"
