"""Where Cassandra is: a plain value that can be sent to another process, which then connects."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    installation: str | None = None  # whose keyspace it has to be; None: whoever's

    def connect(self, *, with_keyspace: bool = True) -> Session:
        """A new session in the keyspace, or in none; see :func:`include.stores.cassandra.session.connect`.

        Raises
        ------
        ForeignKeyspace
            The keyspace belongs to another installation.
        """
        keyspace = self.keyspace if with_keyspace else None
        session = connect(self.contact_points, self.port, keyspace, self.username, self.password)
        expect_lag(session, self.sync_lag_seconds)
        if keyspace is not None and self.installation is not None:
            try:
                refuse_foreign(session, keyspace, self.installation)
            except Exception:
                session.cluster.shutdown()
                raise
        return session
