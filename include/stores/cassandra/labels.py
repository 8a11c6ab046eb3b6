"""The label store: the newest word of every source about a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from cassandra.cluster import Session

from include.stores.cassandra.batches import bind_rows, write_rows
from include.stores.cassandra.clock import join, microseconds, split
from include.stores.cassandra.durability import wait_until_durable
from include.stores.cassandra.lookups import by_text_keys
from include.stores.cassandra.statements import prepare
from include.transactions.labels import LabelEvent

_COLUMNS = ("transaction_id", "source", "account_id", "is_fraud", "labelled_at", "labelled_at_us")
_INSERT = (
    f"INSERT INTO labels_by_transaction ({', '.join(_COLUMNS)}) "  # noqa: S608 (constants)
    f"VALUES ({', '.join('?' for _ in _COLUMNS)}) USING TIMESTAMP ?"
)
_READ = f"SELECT {', '.join(_COLUMNS)} FROM labels_by_transaction WHERE transaction_id IN ?"  # noqa: S608 (constants)


class CassandraLabelStore:
    """``LabelStore`` on ``labels_by_transaction``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, labels: Sequence[LabelEvent]) -> None:
        """Record labels. Idempotent: a row keeps the newest label of its source, by the label's own time."""
        statement = prepare(self._session, _INSERT)
        rows = [
            (label.transaction_id, label.source, label.account_id, label.is_fraud, *split(label.labelled_at),
             microseconds(label.labelled_at))
            for label in labels
        ]  # fmt: skip
        write_rows(self._session, statement, bind_rows(statement, rows))
        wait_until_durable(self._session)

    def get_many(self, transaction_ids: Sequence[str]) -> dict[str, list[LabelEvent]]:
        """What every source says, by transaction; those nobody has spoken of are left out."""
        found: dict[str, list[LabelEvent]] = defaultdict(list)
        distinct = list(dict.fromkeys(transaction_ids))
        for transaction_id, source, account_id, is_fraud, at, below in by_text_keys(
            self._session, _READ, distinct, doing="reading labels"
        ):
            found[transaction_id].append(
                LabelEvent(transaction_id, account_id, is_fraud, source, join(at, below))
            )
        return dict(found)
