"""The seen store: which batch accepted a transaction id first."""

from __future__ import annotations

from collections.abc import Sequence

from cassandra.cluster import Session

from include.stores.cassandra.batches import write_rows
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.encoding import bigint
from include.stores.cassandra.lookups import by_text_keys
from include.stores.cassandra.statements import prepare

_INSERT = "INSERT INTO seen_transactions (transaction_id, batch_id) VALUES (?, ?)"
# Clustered by batch ascending: the first row is the batch that accepted the id first.
_EARLIER = (
    "SELECT transaction_id FROM seen_transactions "
    "WHERE transaction_id IN ? AND batch_id < ? PER PARTITION LIMIT 1"
)


class CassandraSeenStore:
    """``SeenStore`` on ``seen_transactions``; ids are forgotten by TTL, later than an event may be late."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def seen_before(self, transaction_ids: Sequence[str], before_batch: int) -> set[str]:
        """Those of ``transaction_ids`` accepted by a batch < ``before_batch``."""
        distinct = list(dict.fromkeys(transaction_ids))
        rows = by_text_keys(self._session, _EARLIER, distinct, (before_batch,), "reading seen_transactions")
        return {row[0] for row in rows}

    def remember(self, transaction_ids: Sequence[str], batch: int) -> None:
        """Record ids. Idempotent: (id, batch) is the whole row, so the same batch again adds nothing."""
        version = bigint(batch)
        rows = [(key.encode(), version) for key in dict.fromkeys(transaction_ids)]
        write_rows(self._session, prepare(self._session, _INSERT), rows)
        wait_until_durable(self._session)
