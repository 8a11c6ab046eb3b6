"""Thousands of upserts, fast: UNLOGGED batches by replica, bounded in rows and bytes, a few in flight.

UNLOGGED gives up atomicity, which upserts that are repeated on failure do not need, for a tenth of
the round trips.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from threading import Semaphore
from typing import Any

from cassandra import InvalidRequest
from cassandra.cluster import ResponseFuture, Session
from cassandra.query import BatchStatement, BatchType, BoundStatement, PreparedStatement

from include.stores.cassandra.errors import CassandraStoreError, StoreUnavailable, WriteFailed
from include.stores.cassandra.replicas import by_replica, routing_key
from include.stores.cassandra.statements import PASSING_ERRORS

#: A row in the protocol's bytes, one value a bind marker; None writes a null, UNSET_VALUE nothing.
Row = Sequence[Any]

MAX_ROWS = 50
#: Cassandra refuses batches over 50 KiB (``batch_size_fail_threshold``) counted its own way, see ``_weight``.
MAX_BYTES = 36 * 1024
IN_FLIGHT = 12
PAUSES_S = (0.2, 1.0, 3.0)
_CELL_OVERHEAD = 20  # timestamp, TTL and deletion time that Cassandra counts with each value

Chunk = Sequence[Row]


def bind_rows(statement: PreparedStatement, rows: Iterable[Sequence[Any]]) -> list[Row]:
    """Python values as protocol bytes, by the driver; fine for hundreds of rows (see ``encoding``)."""
    return [statement.bind(row).values for row in rows]


def write_rows(session: Session, statement: PreparedStatement, rows: Sequence[Row]) -> int:
    """Write rows through one prepared INSERT or UPDATE; return how many.

    Idempotent when the statement is an upsert of constant values, which every caller's is: a chunk
    that timed out may have been written, and is written again.

    Raises
    ------
    StoreUnavailable
        When rows have not got through after three pauses and tries.
    WriteFailed
        At once, for rows Cassandra refuses.
    """
    if not rows:
        return 0
    pending = list(_chunks(session, statement, rows))
    pauses = iter(PAUSES_S)
    while pending:
        failures = _write_once(session, statement, pending)
        final = [(chunk, error) for chunk, error in failures if not _may_pass(chunk, error)]
        if final:
            raise _failed(statement, len(rows), final) from final[0][1]
        passing = [(chunk, error) for chunk, error in failures if isinstance(error, PASSING_ERRORS)]
        if passing:
            pause = next(pauses, None)
            if pause is None:
                raise _failed(statement, len(rows), passing) from passing[0][1]
            time.sleep(pause)
        pending = [part for chunk, error in failures for part in _again(chunk, error)]
    return len(rows)


def _chunks(session: Session, statement: PreparedStatement, rows: Sequence[Row]) -> Iterator[Chunk]:
    indexes = statement.routing_key_indexes or []
    several = len(session.cluster.metadata.all_hosts()) > 1
    keys = [routing_key([row[i] or b"" for i in indexes]) for row in rows] if several else []
    for group in by_replica(session, rows, keys):
        start, weight = 0, 0
        for position, row in enumerate(group):
            heavier = weight + _weight(row)
            if position > start and (heavier > MAX_BYTES or position - start >= MAX_ROWS):
                yield group[start:position]
                start, heavier = position, _weight(row)
            weight = heavier
        yield group[start:]


def _weight(row: Row) -> int:
    """About what Cassandra counts for a row, in bytes."""
    return sum([len(value) for value in row if value.__class__ is bytes]) + _CELL_OVERHEAD * len(row)


def _write_once(
    session: Session, statement: PreparedStatement, chunks: Sequence[Chunk]
) -> list[tuple[Chunk, BaseException]]:
    """Send every chunk, ``IN_FLIGHT`` at a time; return those that failed."""
    places = Semaphore(IN_FLIGHT)
    failures: list[tuple[Chunk, BaseException]] = []
    answers: list[Future[None]] = []
    for chunk in chunks:
        places.acquire()
        answer: Future[None] = Future()
        answers.append(answer)
        try:
            response: ResponseFuture = session.execute_async(_statement(statement, chunk))
        except PASSING_ERRORS as error:
            places.release()
            failures.append((chunk, error))
            answer.set_result(None)
            continue
        response.add_callbacks(
            callback=_done,
            callback_args=(places, answer),
            errback=_broken,
            errback_args=(places, answer, chunk, failures),
        )
    for answer in answers:
        answer.result()
    return failures


def _done(_rows: object, places: Semaphore, answer: Future[None]) -> None:
    places.release()
    answer.set_result(None)


def _broken(
    error: BaseException,
    places: Semaphore,
    answer: Future[None],
    chunk: Chunk,
    failures: list[tuple[Chunk, BaseException]],
) -> None:
    failures.append((chunk, error))
    places.release()
    answer.set_result(None)


def _statement(statement: PreparedStatement, chunk: Chunk) -> BatchStatement | BoundStatement:
    bound = [BoundStatement(statement) for _ in chunk]
    for one, row in zip(bound, chunk, strict=True):
        one.values = row
    if len(bound) == 1:
        return bound[0]  # a single row has no size limit
    batch = BatchStatement(batch_type=BatchType.UNLOGGED)
    batch.is_idempotent = True
    for one in bound:
        batch.add(one)
    return batch


def _may_pass(chunk: Chunk, error: BaseException) -> bool:
    """Whether another try can help: a fault that passes, or a batch too large that can be halved."""
    too_large = isinstance(error, InvalidRequest) and "too large" in str(error) and len(chunk) > 1
    return too_large or isinstance(error, PASSING_ERRORS)


def _again(chunk: Chunk, error: BaseException) -> list[Chunk]:
    if isinstance(error, InvalidRequest) and len(chunk) > 1:
        middle = len(chunk) // 2
        return [chunk[:middle], chunk[middle:]]
    return [chunk]


def _failed(
    statement: PreparedStatement, total: int, failures: Sequence[tuple[Chunk, BaseException]]
) -> CassandraStoreError:
    chunk, error = failures[0]
    indexes = statement.routing_key_indexes or [0]
    key = ", ".join(repr((chunk[0][i] or b"").decode("utf-8", "backslashreplace")) for i in indexes)
    failed = WriteFailed(
        statement.column_metadata[0].table_name, sum(len(part) for part, _ in failures), total, key, error
    )
    return StoreUnavailable(str(failed)) if isinstance(error, PASSING_ERRORS) else failed
