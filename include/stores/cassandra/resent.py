"""What was sent again: one row a dead letter, changed by compare-and-set.

A compare-and-set that timed out may have been applied: it is read back (SERIAL), where its claim id tells it from a
rival's, and tried again until one of the two is known. If neither can be known, ``StoreUnavailable`` is raised, and
what may have been claimed is taken up later.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Session

from include.stores.cassandra.clock import join, join_optional, split
from include.stores.cassandra.errors import StoreUnavailable
from include.stores.cassandra.statements import execute, execute_many, prepare
from include.transactions.dead_letter import Place
from include.transactions.resent import Resent, ResentState

#: Waits between tries of a compare-and-set whose answer did not come.
PAUSES_S = (0.1, 0.5, 2.0)

_BUCKET = 10_000
_COLUMNS = (
    "kafka_partition", "bucket", "kafka_offset", "claim_id", "transaction_id", "value", "by_whom", "claimed_at",
    "claimed_at_us", "state",
)  # fmt: skip
_TABLE = "dead_letters_resent"
_KEY = "kafka_partition = ? AND bucket = ?"
_INSERT = (
    f"INSERT INTO {_TABLE} ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' for _ in _COLUMNS)}) IF NOT EXISTS"  # noqa: S608 (constants)
)
_TAKE_UP = (
    f"UPDATE {_TABLE} SET claim_id = ?, by_whom = ?, claimed_at = ?, claimed_at_us = ? "  # noqa: S608 (constants)
    f"WHERE {_KEY} AND kafka_offset = ? IF state = 'CLAIMED' AND claim_id = ?"
)
_SENT = (
    f"UPDATE {_TABLE} SET state = 'SENT', sent_at = ?, sent_at_us = ? "  # noqa: S608 (constants)
    f"WHERE {_KEY} AND kafka_offset = ? IF state = 'CLAIMED' AND claim_id = ?"
)
_READ = (
    f"SELECT {', '.join(_COLUMNS)}, sent_at, sent_at_us FROM {_TABLE} "  # noqa: S608 (constants)
    f"WHERE {_KEY} AND kafka_offset IN ?"
)


class CassandraResentStore:
    """``ResentStore`` on ``dead_letters_resent``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def claim(self, claim: Resent) -> Resent:
        """Take a dead letter that nobody has taken; see ``ResentStore.claim``."""
        values = [
            *_key(claim.place), claim.place.offset, claim.claim_id, claim.transaction_id, claim.value, claim.by,
            *split(claim.claimed_at), claim.state.value,
        ]  # fmt: skip
        return self._change(_INSERT, values, claim.place)

    def take_up(self, before: Resent, claim: Resent) -> Resent:
        """Take a claim over, if it still stands; see ``ResentStore.take_up``."""
        new = [claim.claim_id, claim.by, *split(claim.claimed_at)]
        return self._change(_TAKE_UP, [*new, *_where(before)], before.place)

    def sent(self, claim: Resent, at: datetime) -> Resent:
        """Record the confirmation, if the claim still stands; see ``ResentStore.sent``."""
        return self._change(_SENT, [*split(at), *_where(claim)], claim.place)

    def get_many(self, places: Sequence[Place]) -> dict[Place, Resent]:
        """Records by place."""
        by_partition: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place in dict.fromkeys(places):
            by_partition[_key(place)].append(place.offset)
        statement = prepare(self._session, _READ)
        calls = [(statement, (*key, offsets)) for key, offsets in by_partition.items()]
        rows = execute_many(self._session, calls, "reading which dead letters were sent again")
        # Columns written last live a moment longer than the rest of an expired row.
        found = map(_resent, (row for answer in rows for row in answer if row[3] is not None))
        return {one.place: one for one in found}

    def _change(self, cql: str, values: Sequence[Any], place: Place) -> Resent:
        """Try a change until it is known to be applied or not; the row that stands then says which.

        Applied twice it changes nothing: the second time its condition does not hold.
        """
        statement = prepare(self._session, cql, idempotent=False)
        for pause in (*PAUSES_S, None):
            try:
                execute(self._session, statement, values, f"claiming dead letter {place}")
                return self._standing(place)
            except StoreUnavailable:
                if pause is None:
                    raise
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _standing(self, place: Place) -> Resent:
        statement = prepare(self._session, _READ).bind((*_key(place), [place.offset]))
        statement.consistency_level = ConsistencyLevel.LOCAL_SERIAL
        (row,) = execute(self._session, statement, doing=f"reading back dead letter {place}")
        return _resent(row)


def _key(place: Place) -> tuple[int, int]:
    return place.partition, place.offset // _BUCKET


def _where(claim: Resent) -> list[Any]:
    return [*_key(claim.place), claim.place.offset, claim.claim_id]


def _resent(row: Sequence[Any]) -> Resent:
    partition, _, offset, claim_id, transaction_id, value, by, claimed, claimed_us, state, sent, sent_us = row
    return Resent(
        Place(partition, offset),
        claim_id,
        transaction_id,
        value,
        by,
        join(claimed, claimed_us),
        ResentState(state),
        join_optional(sent, sent_us),
    )
