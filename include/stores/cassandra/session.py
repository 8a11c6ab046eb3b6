"""Connecting to Cassandra: one place that decides consistency, timeouts and what is retried.

A session belongs to the process that made it. A forked worker connects for itself.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from typing import Any

from cassandra import ConsistencyLevel, InvalidRequest, WriteType
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.connection import ConnectionException
from cassandra.policies import (
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    RetryPolicy,
    TokenAwarePolicy,
)

from include.stores.cassandra.errors import SchemaMissing, StoreUnavailable

# The driver repeats every warning of the server in every task's log, and tells of each connection.
for _name in ("cassandra.protocol", "cassandra.policies", "cassandra.cluster"):
    logging.getLogger(_name).setLevel(logging.ERROR)

PROTOCOL_VERSION = 4  # 5 adds checksums of frames, which the driver works out in Python
RETRIES = 2

Verdict = tuple[int, int | None]


class IdempotentRetryPolicy(RetryPolicy):  # type: ignore[misc]
    """Retry timeouts of statements marked idempotent; never repeat a compare-and-set.

    A compare-and-set that timed out may have been applied: only its caller can find out.
    """

    def on_read_timeout(
        self, query: Any, consistency: int, required_responses: int, received_responses: int,
        data_retrieved: bool, retry_num: int,
    ) -> Verdict:  # fmt: skip
        """Reads change nothing: again, on the next host."""
        return (self.RETRY_NEXT_HOST, consistency) if retry_num < RETRIES else (self.RETHROW, None)

    def on_write_timeout(
        self, query: Any, consistency: int, write_type: int, required_responses: int,
        received_responses: int, retry_num: int,
    ) -> Verdict:  # fmt: skip
        """Again if the statement is an upsert."""
        if write_type == WriteType.CAS or not query.is_idempotent or retry_num >= RETRIES:
            return self.RETHROW, None
        return self.RETRY_NEXT_HOST, consistency

    def on_request_error(self, query: Any, consistency: int, error: Exception, retry_num: int) -> Verdict:
        """Again on the next host if the statement is an upsert or a read."""
        if not query.is_idempotent or retry_num >= RETRIES:
            return self.RETHROW, None
        return self.RETRY_NEXT_HOST, consistency


def connect(
    contact_points: Sequence[str],
    port: int = 9042,
    keyspace: str | None = None,
    username: str | None = None,
    password: str | None = None,
    *,
    local_datacenter: str | None = None,
    consistency: int = ConsistencyLevel.LOCAL_QUORUM,
    request_timeout_s: float = 15.0,
    connect_timeout_s: float = 5.0,
    ssl_context: Any = None,
) -> Session:
    """Connect and return a driver session, token-aware and LOCAL_QUORUM by default.

    Parameters
    ----------
    contact_points
        Addresses of a few nodes; the driver finds the rest.
    keyspace
        Keyspace of unqualified table names; None for a session that is to run the migrations.
    username, password
        Give both or neither.
    local_datacenter
        Data centre to speak to; None takes the one of the first contact point that answers.
    consistency
        A ``cassandra.ConsistencyLevel``, for reads and writes alike.

    Returns
    -------
    Session
        Close it, and its threads, with ``session.cluster.shutdown()``.

    Raises
    ------
    StoreUnavailable
        When no contact point lets us in.
    SchemaMissing
        When the keyspace does not exist.
    """
    if (username is None) != (password is None):
        raise ValueError(
            "expected a user name and a password or neither; only one came: set the other one too"
        )
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc=local_datacenter or "")),
        retry_policy=IdempotentRetryPolicy(),
        consistency_level=consistency,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=request_timeout_s,
    )
    cluster = Cluster(
        list(contact_points),
        port=port,
        auth_provider=PlainTextAuthProvider(username, password) if username is not None else None,
        protocol_version=PROTOCOL_VERSION,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ExponentialReconnectionPolicy(0.5, 10.0),
        connect_timeout=connect_timeout_s,
        # Several small frames in a row would wait for a delayed acknowledgement, 40 ms each.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        control_connection_timeout=connect_timeout_s,
        # Reading every table's columns is four fifths of connecting, and nothing here asks for them.
        schema_metadata_enabled=False,
        ssl_context=ssl_context,
    )
    try:
        session: Session = cluster.connect()
    except (NoHostAvailable, ConnectionException) as error:
        cluster.shutdown()
        raise StoreUnavailable(
            f"expected a Cassandra node on port {port} of {', '.join(contact_points)}; none let us in: "
            f"{error}. Check that it is up, and the address, port and credentials in the settings."
        ) from error
    if keyspace is not None:
        try:
            session.set_keyspace(keyspace)
            if len(cluster.metadata.all_hosts()) > 1:
                cluster.refresh_keyspace_metadata(keyspace)  # its replication, to know the replicas of a key
        except InvalidRequest as error:
            cluster.shutdown()
            raise _no_keyspace(keyspace) from error
    return session


def _no_keyspace(keyspace: str) -> SchemaMissing:
    return SchemaMissing(
        f"expected the keyspace {keyspace!r}; Cassandra does not have it: run the migrations first"
    )
