"""The seen store: which batch accepted a transaction id first, and a digest of what it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cassandra.cluster import Session

from include.stores.cassandra.batches import write_rows
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.encoding import bigint
from include.stores.cassandra.lookups import by_text_keys
from include.stores.cassandra.statements import prepare

_INSERT = "INSERT INTO seen_transactions (transaction_id, batch_id, content) VALUES (?, ?, ?)"
# Clustered by batch ascending: the first row is the batch that accepted the id first.
_EARLIER = (
    "SELECT transaction_id, content FROM seen_transactions "
    "WHERE transaction_id IN ? AND batch_id < ? PER PARTITION LIMIT 1"
)


class CassandraSeenStore:
    """``SeenStore`` on ``seen_transactions``; ids are forgotten by TTL, later than an event may be late."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def seen_before(self, transaction_ids: Sequence[str], before_batch: int) -> dict[str, bytes | None]:
        """Digest by id of those accepted by a batch < ``before_batch``; None where the row is older than digests."""
        distinct = list(dict.fromkeys(transaction_ids))
        rows = by_text_keys(self._session, _EARLIER, distinct, (before_batch,), "reading seen_transactions")
        return {row[0]: row[1] for row in rows}

    def remember(self, contents: Mapping[str, bytes], batch: int) -> None:
        """Record transactions. Idempotent: (id, batch) is the row's key, and a batch done again says the same."""
        version = bigint(batch)
        rows = [(name.encode(), version, digest) for name, digest in contents.items()]
        write_rows(self._session, prepare(self._session, _INSERT), rows)
        wait_until_durable(self._session)
