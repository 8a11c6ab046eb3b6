"""Where Cassandra is: a plain value that can be sent to another process, which then connects."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from cassandra.cluster import Session

from include.stores.cassandra.durability import expect_lag
from include.stores.cassandra.installation import refuse_foreign
from include.stores.cassandra.session import connect


@dataclass(frozen=True, slots=True)
class CassandraAddress:
    """Contact points, keyspace and credentials."""

    contact_points: tuple[str, ...]
    port: int
    keyspace: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    sync_lag_seconds: float = 0.0  # see ``durability``; 0 on a cluster
    ca_file: str | None = None  # authorities to trust, PEM; the connection is encrypted if it is given
    installation: str | None = None  # whose keyspace it has to be; None: whoever's

    def connect(self, *, with_keyspace: bool = True) -> Session:
        """A new session in the keyspace, or in none; see :func:`include.stores.cassandra.session.connect`.

        Raises
        ------
        ForeignKeyspace
            The keyspace belongs to another installation.
        """
        keyspace = self.keyspace if with_keyspace else None
        context = _trusting(self.ca_file) if self.ca_file else None
        session = connect(
            self.contact_points, self.port, keyspace, self.username, self.password, ssl_context=context
        )
        expect_lag(session, self.sync_lag_seconds)
        if keyspace is not None and self.installation is not None:
            try:
                refuse_foreign(session, keyspace, self.installation)
            except Exception:
                session.cluster.shutdown()
                raise
        return session


@lru_cache(maxsize=4)
def _trusting(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def address_of_environment(contact_points: Sequence[str], port: int, keyspace: str) -> CassandraAddress:
    """An address for a command, which has no Airflow connection.

    Who it is stands in ``TIDEWATCH_CASSANDRA_USERNAME`` and ``TIDEWATCH_CASSANDRA_PASSWORD``, whom it trusts in the
    file ``TIDEWATCH_CASSANDRA_CA_FILE``: everybody can read a command line.
    """
    given = os.environ.get
    return CassandraAddress(
        tuple(contact_points),
        port,
        keyspace,
        username=given("TIDEWATCH_CASSANDRA_USERNAME"),
        password=given("TIDEWATCH_CASSANDRA_PASSWORD"),
        ca_file=given("TIDEWATCH_CASSANDRA_CA_FILE"),
    )
