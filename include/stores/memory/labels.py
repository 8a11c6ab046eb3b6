"""Labels in memory: for tests, back-tests and runs without Cassandra."""

from __future__ import annotations

from collections.abc import Sequence

from include.transactions.labels import LabelEvent


class MemoryLabelStore:
    """The newest label of every (transaction, source)."""

    def __init__(self) -> None:
        self._labels: dict[tuple[str, str], LabelEvent] = {}

    def put(self, labels: Sequence[LabelEvent]) -> None:
        """Record labels; an older one, or the same again, changes nothing."""
        for label in labels:
            key = (label.transaction_id, label.source)
            known = self._labels.get(key)
            if known is None or known.labelled_at < label.labelled_at:
                self._labels[key] = label

    def get_many(self, transaction_ids: Sequence[str]) -> dict[str, list[LabelEvent]]:
        """What every source says, by transaction; those nobody has spoken of are left out."""
        wanted = set(transaction_ids)
        found: dict[str, list[LabelEvent]] = {}
        for (transaction_id, _), label in sorted(self._labels.items()):
            if transaction_id in wanted:
                found.setdefault(transaction_id, []).append(label)
        return found
