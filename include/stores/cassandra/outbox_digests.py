"""What a digest may tell of: parts that are added by compare-and-set until the digest is sealed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from cassandra import ConsistencyLevel
from cassandra.cluster import Session

from include.stores.cassandra.answers import settle
from include.stores.cassandra.statements import execute, prepare

_SIZES = "SELECT part, size FROM digests WHERE digest_id = ?"
_ADD = "UPDATE digests SET size = ?, candidates = ? WHERE digest_id = ? AND part = ? IF sealed = null"
_SEAL = "UPDATE digests SET sealed = true WHERE digest_id = ? IF sealed = null"
_CANDIDATES = "SELECT candidates FROM digests WHERE digest_id = ?"


class OutboxDigests:
    """``digests``. Every change is a compare-and-set in the digest's one partition, so they have one order."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self, digest_id: uuid.UUID, part: uuid.UUID, candidates: Sequence[uuid.UUID], at_most: int
    ) -> bool:
        """Add a part unless the digest is sealed or would grow too large; idempotent by ``part``.

        Two that add at the same time may exceed ``at_most`` together.
        """
        rows = execute(self._session, prepare(self._session, _SIZES), (digest_id,), "reading a digest")
        others = sum(size or 0 for name, size in rows if name != part)
        if others and others + len(candidates) > at_most:
            return False
        statement = prepare(self._session, _ADD, idempotent=False)
        call = (statement, (len(candidates), list(candidates), digest_id, part))
        return settle(self._session, [call], f"adding to digest {digest_id}")[0]

    def seal(self, digest_id: uuid.UUID) -> list[uuid.UUID]:
        """Let nothing more be added, and return the candidates; idempotent, as a seal is never taken off."""
        statement = prepare(self._session, _SEAL, idempotent=False)
        settle(self._session, [(statement, (digest_id,))], f"sealing digest {digest_id}")
        return self.candidates(digest_id)

    def candidates(self, digest_id: uuid.UUID) -> list[uuid.UUID]:
        """Candidates so far, each once."""
        statement = prepare(self._session, _CANDIDATES).bind((digest_id,))
        statement.consistency_level = ConsistencyLevel.LOCAL_SERIAL
        rows = execute(self._session, statement, doing=f"reading digest {digest_id}")
        return list(dict.fromkeys(key for (part,) in rows for key in part or ()))
