"""How fast the queue of the fraud desk is with many alerts in it: pages by filter and order, in milliseconds.

Run as ``python -m benchmarks.queue [ALERTS]`` on an embedded Cassandra of its own; ends with exit code 1 if a
page of 50 takes longer than it may at the 95th percentile.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from cassandra.cluster import Session
from rich.table import Table

from benchmarks.stack import conclude, own_servers
from include.alerts.alert import Severity
from include.cases.case import Status, Worklist
from include.cases.queue import Ordering, QueueEntry, QueueQuery
from include.reports.checks import Bound, Check
from include.reports.table import terminal
from include.settings import HOST, Settings
from include.stores.cassandra.address import CassandraAddress
from include.stores.cassandra.alert_queue import CassandraQueueStore
from include.stores.cassandra.migrations import migrate

#: Of a page of 50, at the 95th percentile.
MUST_MILLISECONDS = 300.0
_TRIES = 40
_DAYS = 25
_TYPOLOGIES = ("unknown", "account_takeover", "card_testing", "mule_account", "large_amount")
_STATUSES = (
    Status.OPEN,
    Status.IN_REVIEW,
    Status.ESCALATED,
    Status.JOINED,
    Status.CONFIRMED,
    Status.DISMISSED,
)
_SHARES = (0.35, 0.05, 0.05, 0.15, 0.1, 0.3)


def entries(count: int, now: datetime, seed: int = 7) -> list[QueueEntry]:
    """Invented rows over the last days; a few accounts have many."""
    draw = np.random.default_rng(seed)
    statuses = draw.choice(len(_STATUSES), count, p=_SHARES)
    return [
        QueueEntry(
            alert_id=uuid.UUID(bytes=draw.bytes(16)),
            transaction_id=f"T-{number}",
            raised_at=(at := now - timedelta(seconds=float(draw.uniform(0, 86_400 * _DAYS)))),
            severity=list(Severity)[int(draw.choice(4, p=(0.3, 0.4, 0.25, 0.05)))],
            typology=_TYPOLOGIES[int(draw.integers(len(_TYPOLOGIES)))],
            score=float(draw.uniform()),
            amount=Decimal(int(draw.lognormal(5, 2) * 100) + 1) / 100,
            currency="EUR",
            account_id=f"account-{int(draw.pareto(1.0) * 50)}",
            counterparty_id=f"merchant-{int(draw.pareto(1.0) * 20)}",
            customer_id=f"customer-{number % 5_000}",
            transaction_type="CARD_PAYMENT",
            channel="ONLINE",
            country="DE",
            version=1,
            status=_STATUSES[statuses[number]],
            assignee=None if statuses[number] in (0, 3) else f"analyst-{number % 20}",
            changed_at=at,
            leader_id=None,
        )
        for number in range(count)
    ]


def questions(now: datetime) -> dict[str, QueueQuery]:
    """What an analyst asks all day."""
    span = {"since": now - timedelta(days=30), "until": now + timedelta(minutes=1)}
    return {
        "open, by urgency": QueueQuery(**span),
        "open, newest": QueueQuery(**span, ordering=Ordering.NEWEST),
        "open, by amount": QueueQuery(**span, ordering=Ordering.AMOUNT),
        "open and critical": QueueQuery(**span, severity=Severity.CRITICAL),
        "open, one typology": QueueQuery(**span, typology="mule_account"),
        "mine": QueueQuery(**span, assignee="analyst-3"),
        "escalated and high": QueueQuery(**span, status=Status.ESCALATED, severity=Severity.HIGH),
        "open, from 10,000 on": QueueQuery(**span, amount_at_least=Decimal(10_000)),
        "closed, newest": QueueQuery(**span, worklist=Worklist.CLOSED, ordering=Ordering.NEWEST),
        "one busy account": QueueQuery(**span, worklist=None, account_id="account-1"),
        "one quiet account": QueueQuery(**span, worklist=None, account_id="account-4000"),
        "nobody's": QueueQuery(**span, unassigned=True),
    }


def _milliseconds(what: Callable[[], object], tries: int) -> np.ndarray:
    taken = []
    for _ in range(tries):
        begun = time.perf_counter()
        what()
        taken.append((time.perf_counter() - begun) * 1e3)
    return np.array(taken)


def _deep(store: CassandraQueueStore, query: QueueQuery, pages: int) -> QueueQuery:
    """The question that asks for a page far down."""
    for _ in range(pages):
        query = replace(query, after=store.page(query).next_after)
    return query


def main(count: int) -> int:
    """Fill a queue and ask; returns the exit code."""
    now = datetime.now(UTC)
    with own_servers("cassandra") as servers, _session(servers) as session:
        store = CassandraQueueStore(session)
        begun = time.perf_counter()
        rows = entries(count, now)
        for first in range(0, count, 5_000):
            store.put(rows[first : first + 5_000])
        table = Table(
            title=f"Pages of 50 of {count:,} alerts, written in {time.perf_counter() - begun:.0f} s"
        )
        for name in ("question", "rows", "p50 ms", "p95 ms"):
            table.add_column(name, justify="left" if name == "question" else "right")
        asked = questions(now)
        asked["open, by urgency, page 100"] = _deep(store, asked["open, by urgency"], 100)
        checks = []
        for name, query in asked.items():
            store.page(query)
            taken = _milliseconds(lambda query=query: store.page(query), _TRIES)  # type: ignore[misc]
            p50, p95 = np.percentile(taken, (50, 95))
            checks.append(Check(f"p95 ms, {name}", float(p95), Bound("<=", MUST_MILLISECONDS)))
            table.add_row(name, str(len(store.page(query).entries)), f"{p50:.0f}", f"{p95:.0f}")
        counted = _milliseconds(lambda: store.counts(now - timedelta(days=30), now), 3)
        table.add_row("counts of all", "", f"{np.median(counted):.0f}", "")
    terminal().print(table)
    return conclude("bench-queue", checks, {"alerts": count})


@contextmanager
def _session(servers: Settings) -> Iterator[Session]:
    address = CassandraAddress((HOST,), servers.ports.cassandra, "bench")
    first = address.connect(with_keyspace=False)
    migrate(first, address.keyspace, servers.replication)
    first.cluster.shutdown()
    session = address.connect()
    yield session
    session.cluster.shutdown()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
