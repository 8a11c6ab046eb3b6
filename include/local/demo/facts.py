"""Gathers what became of a demo's stream from the stores themselves, not from what the stages say of it."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.alerts.delivery import DIGEST, ESCALATION, Delivery, DeliveryState, Place
from include.alerts.from_scored import alerts_of
from include.alerts.routing import Router
from include.alerts.routing_file import load_routing
from include.cases.case import Status
from include.local.clients import cassandra_client
from include.reports.demo import TypologyResult
from include.settings import HOST, Settings
from include.stores.cassandra.alerts import CassandraAlertStore
from include.stores.cassandra.cases import CassandraHandlingStore
from include.stores.cassandra.customers import CassandraCustomerStore
from include.stores.cassandra.outbox import CassandraOutboxStore
from include.stores.cassandra.queries import stored_by_batch
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file

_PAGE = 500
#: Older deliveries are not handed over any more, but for a person's wish.
_LOOK_BACK = timedelta(hours=3)
_OPEN = (DeliveryState.PENDING, DeliveryState.SENDING)


class Facts:
    """Looks into lake and Cassandra at the batches of a demo.

    Parameters
    ----------
    batches
        Those the demo's stream became.
    """

    def __init__(self, settings: Settings, batches: range) -> None:
        self._lake = Lake(settings.lake)
        self._batches = batches
        self._session = cassandra_client(settings, "reader").connect()
        self._alerts = CassandraAlertStore(self._session)
        self._outbox = CassandraOutboxStore(self._session)
        self._handlings = CassandraHandlingStore(self._session)
        self._router = Router(load_routing(), CassandraCustomerStore(self._session))
        self._scored = {batch: self._table(batch) for batch in batches}
        self._wanted = [alert for batch in batches for alert in alerts_of(self._scored[batch], batch)]

    def _table(self, batch: int) -> pa.Table:
        return self._lake.read_table(scored_file(batch))

    def close(self) -> None:
        """Let go of Cassandra."""
        self._session.cluster.shutdown()

    def notices(self, since: datetime) -> int:
        """Mails to the model owner, who is no recipient of alerts."""
        return len(self._lake.written_since("notices", since))

    def other_messages(self, since: datetime) -> int:
        """Digests, and escalations of what earlier demos left open, that were handed over meanwhile."""
        return sum(
            one.delivered_at is not None and one.delivered_at >= since
            for one in self._newest_until(since - _LOOK_BACK)
            if one.audience in (DIGEST, ESCALATION)
        )

    def everything_in_the_outbox(self) -> dict[uuid.UUID, Delivery]:
        """Every delivery there is, whatever its state, by id."""
        return {one.delivery_id: one for one in self._newest_until(None)}

    def _newest_until(self, moment: datetime | None) -> Iterator[Delivery]:
        """Deliveries, the newest first, in whole pages until one that was made before a moment."""
        after = None
        while page := self._outbox.recent(_PAGE, after=after):
            yield from page
            if moment is not None and page[-1].created_at < moment:
                return
            after = Place.of(page[-1])

    def scored(self) -> int:
        """Rows of the scored batches."""
        return sum(table.num_rows for table in self._scored.values())

    def stored(self) -> int:
        """Transactions of these batches in Cassandra."""
        found = stored_by_batch(self._session)
        return sum(found.get(batch, 0) for batch in self._batches)

    def alert_decisions(self) -> int:
        """Transactions decided ALERT."""
        return len(self._wanted)

    def alerts(self) -> int:
        """Those of them with an alert in Cassandra."""
        return len(self._alerts.get_many([alert.alert_id for alert in self._wanted]))

    def joined(self) -> int:
        """Those that were joined to an earlier alert of their account: nobody is told of them alone."""
        handlings = self._handlings.handlings([alert.alert_id for alert in self._wanted])
        return sum(handling.status is Status.JOINED for handling in handlings.values())

    def deliveries(self) -> list[Delivery]:
        """The deliveries these alerts have in the outbox, without those that wait for a customer's morning."""
        return [one for one in self._outbox.get_many(list(self.expected())).values() if not _is_held(one)]

    def open_deliveries(self) -> int:
        """Alerts nobody has decided about, and deliveries that are missing, waiting or being sent."""
        handlings = self._handlings.handlings([alert.alert_id for alert in self._wanted])
        expected = self.expected()
        there = self._outbox.get_many(list(expected))
        under_way = sum(one.state in _OPEN and not _is_held(one) for one in there.values())
        return len(self._wanted) - len(handlings) + len(expected) - len(there) + under_way

    def wait_for_deliveries(self, seconds: float) -> None:
        """Wait until none is open any more, or the time is over."""
        end = time.monotonic() + seconds
        while self.open_deliveries() and time.monotonic() < end:
            time.sleep(1)

    def expected(self) -> dict[uuid.UUID, Delivery]:
        """Deliveries of the alerts somebody is told of, as they were enqueued."""
        handlings = self._handlings.handlings([alert.alert_id for alert in self._wanted])
        told = [one for one in self._wanted if one.alert_id in handlings and handlings[one.alert_id].told]
        return {delivery.delivery_id: delivery for delivery in self._router.deliveries_of_all(told)}

    def longest_gap(self, began_at: datetime, ended_at: datetime) -> float | None:
        """Most seconds in which no batch was accepted, from the first record on until the last was sent."""
        ledger = BatchLedger(self._lake)
        manifests = [ledger.manifest(Stage.ACCEPTED, batch) or {} for batch in self._batches]
        completed = [datetime.fromisoformat(m["completed_at"]) for m in manifests if "completed_at" in m]
        return longest_gap(completed, began_at, ended_at)

    def model(self) -> str:
        """Version of the model the last batch was scored with."""
        manifest = (
            BatchLedger(self._lake).manifest(Stage.SCORED, self._batches[-1]) if self._batches else None
        )
        return str((manifest or {}).get("model") or "none")

    def against(self, truth: pa.Table) -> tuple[dict[str, TypologyResult], int]:
        """Recall by typology over what was accepted, and how many alerts are about fraud.

        Parameters
        ----------
        truth
            ``TRUTH_SCHEMA``.
        """
        rows = [table.select(["transaction_id", "decision"]) for table in self._scored.values()]
        if not rows:
            return {}, 0
        scored = pa.concat_tables(rows)
        alerted = scored.filter(pc.equal(scored["decision"], "ALERT"))["transaction_id"]
        seen = truth.filter(
            pc.is_in(truth["transaction_id"], value_set=scored["transaction_id"].combine_chunks())
        )
        fraud = seen.filter(seen["is_fraud"])
        caught = pc.is_in(fraud["transaction_id"], value_set=alerted.combine_chunks()).to_numpy()
        names = np.asarray(fraud["typology"].to_pylist(), dtype=object)
        results = {
            str(name): TypologyResult(int((names == name).sum()), int(caught[names == name].sum()))
            for name in sorted(set(names))
        }
        return results, int(caught.sum())


def _is_held(delivery: Delivery) -> bool:
    """Whether it waits for the end of the customer's quiet hours, and nothing else."""
    due = delivery.next_attempt_at
    return delivery.attempts == 0 and due is not None and due > datetime.now(UTC)


def longest_gap(completed: Sequence[datetime], began_at: datetime, ended_at: datetime) -> float | None:
    """Most seconds between two neighbours of ``began_at``, the batches until ``ended_at``, and the next batch.

    The last record is sent at ``ended_at``, so the batch after it is the last one that can be late. None where
    nothing was completed.
    """
    if not completed:
        return None
    until = [at for at in completed if at < ended_at]
    moments = [began_at, *until, *[at for at in completed if at >= ended_at][:1]]
    return max((after - before).total_seconds() for before, after in pairwise(moments))


def latencies(deliveries: Sequence[Delivery]) -> list[float]:
    """Seconds from the broker to the hand-over, one a delivery that was handed over."""
    return [
        (delivery.delivered_at - delivery.arrived_at).total_seconds()
        for delivery in deliveries
        if delivery.delivered_at is not None
    ]


def mailbox_count(settings: Settings) -> int:
    """Messages in the embedded mailbox."""
    with urllib.request.urlopen(f"http://{HOST}:{settings.ports.mailbox}/api/count", timeout=10) as answer:
        document: Any = json.load(answer)
    return int(document["messages"])
