"""State and seen ids in memory: for tests, back-tests and runs without Cassandra."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence


class MemoryStateStore:
    """Every version of every key's state, in order of batch.

    Idempotent because a version is addressed by (kind, key, batch): writing it again replaces it,
    and readers of that batch see only versions before it.
    """

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], tuple[list[int], list[bytes]]] = {}

    def read(self, kind: str, keys: Sequence[str], before_batch: int) -> dict[str, bytes]:
        """Newest state of each key written by a batch < ``before_batch``; absent keys are left out."""
        found = {}
        for key in keys:
            batches, states = self._versions.get((kind, key), ((), ()))
            at = bisect_left(batches, before_batch)
            if at:
                found[key] = states[at - 1]
        return found

    def write(self, kind: str, states: Mapping[str, bytes], batch: int) -> None:
        """Write the state of each key as version ``batch``; the same version again replaces it."""
        for key, state in states.items():
            batches, held = self._versions.setdefault((kind, key), ([], []))
            at = bisect_left(batches, batch)
            if at < len(batches) and batches[at] == batch:
                held[at] = bytes(state)
            else:
                batches.insert(at, batch)
                held.insert(at, bytes(state))


class NewestStateStore:
    """The newest state of each key only, for those who go through the batches once and in order.

    Memory is that of one state a key, however many batches there are. A batch cannot be done again in it:
    for that take :class:`MemoryStateStore`.
    """

    def __init__(self, states: Mapping[str, Mapping[str, bytes]] | None = None) -> None:
        self.states = {kind: dict(by_key) for kind, by_key in (states or {}).items()}

    def read(self, kind: str, keys: Sequence[str], before_batch: int) -> dict[str, bytes]:
        """Newest state of each key; absent keys are left out."""
        of_kind = self.states.get(kind, {})
        return {key: of_kind[key] for key in keys if key in of_kind}

    def write(self, kind: str, states: Mapping[str, bytes], batch: int) -> None:
        """Replace the state of each key."""
        self.states.setdefault(kind, {}).update(states)

    def add_missing(self, kind: str, states: Mapping[str, bytes]) -> None:
        """Write those keys only that have no state."""
        of_kind = self.states.setdefault(kind, {})
        for key, state in states.items():
            of_kind.setdefault(key, state)


class MemorySeenStore:
    """The first batch of every accepted transaction id, and what the transaction said."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[int, bytes | None]] = {}

    def seen_before(self, transaction_ids: Sequence[str], before_batch: int) -> dict[str, bytes | None]:
        """Digest by id of those first accepted by a batch < ``before_batch``."""
        found = ((name, self._first.get(name)) for name in transaction_ids)
        return {name: first[1] for name, first in found if first is not None and first[0] < before_batch}

    def remember(self, contents: Mapping[str, bytes], batch: int) -> None:
        """Record transactions as accepted by ``batch``; the earliest batch stands, so again changes nothing."""
        for name, digest in contents.items():
            first = self._first.get(name)
            if first is None or batch <= first[0]:
                self._first[name] = (batch, digest)
