"""Statements: prepared once a session, executed one or many, the driver's errors mapped at the border."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cassandra import InvalidRequest, OperationTimedOut, RequestExecutionException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, NoHostAvailable, Session
from cassandra.concurrent import execute_concurrent
from cassandra.connection import ConnectionException
from cassandra.protocol import ErrorMessage, ServerError
from cassandra.protocol import RequestExecutionException as UnmappedExecutionError
from cassandra.query import PreparedStatement, tuple_factory

from include.stores.cassandra.errors import SchemaMissing, StoreUnavailable

#: What the driver raises when a request that was fine could not be served.
PASSING_ERRORS = (
    NoHostAvailable,
    OperationTimedOut,
    RequestExecutionException,
    ConnectionException,
    UnmappedExecutionError,
    ServerError,
)

#: A compare-and-set that may or may not have been applied; the driver has no exception of its own for it.
_CAS_WRITE_UNKNOWN = 0x1700

_PREPARED: weakref.WeakKeyDictionary[Session, dict[tuple[str, str], PreparedStatement]] = (
    weakref.WeakKeyDictionary()
)


def prepare(session: Session, cql: str, *, idempotent: bool = True) -> PreparedStatement:
    """Statement prepared once a session and keyspace; marked idempotent unless told otherwise.

    Compare-and-sets are not idempotent: a repeat is answered "not applied" by its own first try.
    """
    known = _PREPARED.setdefault(session, {})
    place = (session.keyspace or "", cql)
    if place not in known:
        with border(f"preparing {cql.split(' WHERE ')[0]!r}"):
            statement = session.prepare(cql)
        statement.is_idempotent = idempotent
        known[place] = statement
    return known[place]


def insert_into(session: Session, table: str, columns: Sequence[str]) -> PreparedStatement:
    """Prepared INSERT of constant values, which is an upsert; names are the caller's constants."""
    marks = ", ".join("?" for _ in columns)
    return prepare(session, f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})")  # noqa: S608 (constants)


def execute(
    session: Session, statement: Any, values: Sequence[Any] = (), doing: str = "a statement"
) -> list[Any]:
    """All rows of one statement, as tuples.

    Raises
    ------
    StoreUnavailable, SchemaMissing
        See ``border``.
    """
    with border(doing):
        return list(session.execute(statement, values or None, execution_profile=tuples(session)))


def execute_many(
    session: Session,
    statements: Iterable[tuple[Any, Sequence[Any]]],
    doing: str = "statements",
    concurrency: int = 16,
) -> list[list[Any]]:
    """Rows of each statement, in the order of the statements; ``concurrency`` of them in flight.

    Raises
    ------
    StoreUnavailable, SchemaMissing
        With the first failure; see ``border``.
    """
    with border(doing):
        results = execute_concurrent(
            session,
            list(statements),
            concurrency=concurrency,
            raise_on_first_error=True,
            execution_profile=tuples(session),
        )
        return [list(result.result_or_exc) for result in results]


def attempt_many(
    session: Session,
    statements: Iterable[tuple[Any, Sequence[Any]]],
    doing: str = "statements",
    concurrency: int = 16,
) -> list[list[Any] | StoreUnavailable]:
    """Like ``execute_many``, but a statement that could not be served gives its error instead of rows.

    Raises
    ------
    SchemaMissing
        See ``border``.
    """
    results = execute_concurrent(
        session,
        list(statements),
        concurrency=concurrency,
        raise_on_first_error=False,
        execution_profile=tuples(session),
    )
    return [_outcome(result.success, result.result_or_exc, doing) for result in results]


@contextmanager
def border(doing: str) -> Iterator[None]:
    """Let the driver's exceptions out as ours.

    Raises
    ------
    StoreUnavailable
        Time-outs, missing replicas, lost connections: try again later.
    SchemaMissing
        The statement names a table, column or keyspace that is not there.
    """
    try:
        yield
    except InvalidRequest as error:
        if "does not exist" in str(error) or "ndefined column" in str(error) or "No keyspace" in str(error):
            raise SchemaMissing(
                f"{doing}: expected the schema of this version; Cassandra says: {error}. "
                "Run the migrations first."
            ) from error
        raise
    except PASSING_ERRORS as error:
        raise _unavailable(doing, error) from error
    except ErrorMessage as error:
        if error.code == _CAS_WRITE_UNKNOWN:
            raise _unavailable(doing, error) from error
        raise


def _unavailable(doing: str, error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"{doing}: expected an answer from Cassandra; came {type(error).__name__}: {error}. "
        "Nothing is lost: once it is up, run the task again."
    )


def _outcome(success: bool, rows_or_error: Any, doing: str) -> list[Any] | StoreUnavailable:
    try:
        with border(doing):
            if not success:
                raise rows_or_error
            return list(rows_or_error)
    except StoreUnavailable as error:
        return error


def tuples(session: Session) -> Any:
    """The session's default profile with rows as plain tuples, which are the cheapest to make."""
    return session.execution_profile_clone_update(EXEC_PROFILE_DEFAULT, row_factory=tuple_factory)
