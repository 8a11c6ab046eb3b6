"""How clients reach the embedded servers: addresses, and in the secure profile who they are and whom they trust.

Airflow's connections are made of this, and the commands that run beside Airflow.
"""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from include.local.certificates import Certificates
from include.local.secrets import load_secrets
from include.settings import HOST, Settings

if TYPE_CHECKING:
    from include.stores.cassandra.address import CassandraAddress

#: Accounts on Kafka and Cassandra, named after the part that uses them; what each may do: ``accounts``.
KafkaUser = Literal["broker", "admin", "bank", "pipeline", "desk", "reader"]
CassandraRole = Literal["superuser", "admin", "pipeline", "desk", "reader"]

SMTP_USER = "tidewatch"
#: A Unix socket's path may have 107 bytes, of which its name takes up to 15.
_LONGEST_FOLDER = 90
#: The host of a Spark Connect client with a token and without TLS: the client insists on this very word.
SPARK_HOST = "localhost"


def authority(settings: Settings) -> str:
    """File with the certificate of the installation's authority."""
    return str(Certificates(settings.stack_dir).authority)


def kafka_security(settings: Settings) -> dict[str, str]:
    """librdkafka settings of every user; none in the open profile."""
    if not settings.is_secure:
        return {}
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "ssl.ca.location": authority(settings),
    }


def kafka_client(settings: Settings, user: KafkaUser) -> dict[str, Any]:
    """librdkafka settings of a user of the broker."""
    address = {"bootstrap.servers": settings.brokers}
    if not settings.is_secure:
        return address
    login = {"sasl.username": user, "sasl.password": kafka_password(settings, user)}
    return address | kafka_security(settings) | login


def kafka_password(settings: Settings, user: KafkaUser) -> str:
    """Generated password of a user."""
    return str(getattr(load_secrets(settings.stack_dir), f"kafka_{user}"))


def cassandra_client(settings: Settings, role: CassandraRole) -> CassandraAddress:
    """Where Cassandra is, as a role sees it."""
    from include.stores.cassandra.address import CassandraAddress

    if not settings.is_secure:
        return CassandraAddress(settings.hosts, settings.ports.cassandra, settings.keyspace)
    return CassandraAddress(
        (HOST,),
        settings.ports.cassandra,
        settings.keyspace,
        username=role,
        password=cassandra_password(settings, role),
        ca_file=authority(settings),
    )


def cassandra_password(settings: Settings, role: CassandraRole) -> str:
    """Generated password of a role."""
    return str(getattr(load_secrets(settings.stack_dir), f"cassandra_{role}"))


def spark_url(settings: Settings, user: str = "tidewatch") -> str:
    """Address for a Spark Connect client."""
    if not settings.is_secure:
        return f"sc://{HOST}:{settings.ports.spark_connect}/;user_id={user}"
    token = quote(load_secrets(settings.stack_dir).spark)
    return f"sc://{SPARK_HOST}:{settings.ports.spark_connect}/;user_id={user};token={token}"


def socket_folder(settings: Settings) -> Path:
    """Where PostgreSQL listens in the secure profile: a folder that only its user (and root) can enter."""
    folder = settings.stack_dir / "postgres" / "socket"
    if len(str(folder)) <= _LONGEST_FOLDER:
        return folder
    mark = hashlib.sha256(str(settings.stack_dir).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tidewatch-{mark}"


def http_context(settings: Settings) -> ssl.SSLContext | None:
    """What verifies Airflow's certificate; None where Airflow speaks plain HTTP."""
    return _context(authority(settings)) if settings.is_secure else None


@lru_cache(maxsize=4)
def _context(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
