"""How the auditor's commands reach Cassandra: by arguments and environment: they have no Airflow connections."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from cassandra.cluster import Session

from include.settings import HOST, settings
from include.stores.cassandra.address import address_of_environment


def add_cassandra_arguments(parser: argparse.ArgumentParser) -> None:
    """Where Cassandra is; the embedded one by default."""
    parser.add_argument("--cassandra", default=HOST, metavar="HOSTS", help="contact points, by commas")
    parser.add_argument("--cassandra-port", type=int, default=settings().ports.cassandra, metavar="PORT")


@contextmanager
def cassandra(options: argparse.Namespace) -> Iterator[Session]:
    """A session in the project's keyspace, closed at the end.

    Raises
    ------
    StoreUnavailable, SchemaMissing
        No answer, or nothing to look at.
    """
    hosts = options.cassandra.split(",")
    session = address_of_environment(hosts, options.cassandra_port, settings().keyspace).connect()
    try:
        yield session
    finally:
        session.cluster.shutdown()
