"""Which rows, or keys, live on the same replicas: a batch or an IN query should bother one of them."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

from cassandra.cluster import Session

Item = TypeVar("Item")


def routing_key(parts: Sequence[bytes]) -> bytes:
    """The serialised partition key, as Cassandra's partitioner hashes it."""
    if len(parts) == 1:
        return parts[0]
    return b"".join(struct.pack(f">H{len(part)}sB", len(part), part, 0) for part in parts)


def by_replica(session: Session, items: Sequence[Item], keys: Sequence[bytes]) -> list[list[Item]]:
    """Items grouped by the first replica of their key, in order within each group.

    Parameters
    ----------
    keys
        Routing key of each item, see ``routing_key``.

    Notes
    -----
    With a single node, or while the ring is not known yet, all items form one group.
    """
    metadata = session.cluster.metadata
    if len(metadata.all_hosts()) < 2 or session.keyspace is None:
        return [list(items)] if items else []
    groups: dict[object, list[Item]] = defaultdict(list)
    for item, key in zip(items, keys, strict=True):
        replicas = metadata.get_replicas(session.keyspace, key)
        groups[replicas[0] if replicas else None].append(item)
    return list(groups.values())


def in_chunks(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Items in slices of at most ``size``."""
    return [items[start : start + size] for start in range(0, len(items), size)]
