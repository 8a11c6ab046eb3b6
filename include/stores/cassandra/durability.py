"""When acknowledged writes are safe from a kill, on a node that stands alone.

A node with ``commitlog_sync: periodic`` acknowledges before it syncs, which costs a tenth of waiting for
each row. It takes no new write, though, once its last sync is older than 1.5 periods
(``periodic_commitlog_sync_lag_block``). So: wait that long, write once more. When that is acknowledged, a
sync has begun and ended since the last write before the wait, and covers all of them.

On a cluster the replicas are the durability, and there is nothing to wait for.
"""

from __future__ import annotations

import time
import weakref

from cassandra.cluster import Session

from include.stores.cassandra.statements import execute, prepare

_LAGS: weakref.WeakKeyDictionary[Session, float] = weakref.WeakKeyDictionary()
# A table of its own, which every role that writes anything may write to.
_MARKER = "INSERT INTO durability_marker (slot, written_at) VALUES (0, toTimestamp(now()))"


def expect_lag(session: Session, seconds: float) -> None:
    """Say by how much the node's sync may lag behind its acknowledgements; 0 where replicas stand in."""
    _LAGS[session] = seconds


def wait_until_durable(session: Session) -> None:
    """Return when everything this session has had acknowledged would survive a kill of the node.

    To be called before a cursor moves past the writes it covers.

    Raises
    ------
    StoreUnavailable
        The node does not answer; do the work again.
    """
    lag = _LAGS.get(session, 0.0)
    if lag > 0:
        time.sleep(lag)
        execute(session, prepare(session, _MARKER), doing="waiting for the commit log")
