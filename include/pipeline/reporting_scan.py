"""What was done on a day: batch by batch, a few columns at a time, so that memory stays that of a batch."""

from __future__ import annotations

import uuid
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.alerts.delivery import Delivery, DeliveryState, Place
from include.reports.figures import Activity, ChannelFigures, Point, Total, alert_counts
from include.reports.spread import Spread
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder, scored_file
from include.stores.ports import OutboxStore

#: Customers' segments by customer; customers nobody knows are left out.
SegmentOf = Callable[[Sequence[str]], Mapping[str, str]]

#: Segments of transactions that name no customer, and of customers nobody knows.
NO_CUSTOMER, UNKNOWN = "no customer named", "unknown"

_COLUMNS = ("customer_id", "amount", "currency", "decision", "severity", "typology")
_KEPT_SEGMENTS = 200_000
_PAGE = 500
_HIGHEST = uuid.UUID(int=2**128 - 1)
_HOUR = timedelta(hours=1)


def batches_between(lake: Lake, stage: str, since: datetime, until: datetime) -> range:
    """Batches that a stage did in [since, until): by when they were scored, or completed.

    Batches are done in order and retention takes the oldest first, so the ends are found by bisection, without
    reading all manifests. A batch scored again keeps its first time.
    """
    ledger = BatchLedger(lake)
    stop = ledger.cursor(stage).next_batch
    first = oldest_batch(lake, stage)
    there = range(first, stop)

    def done_at(batch: int) -> datetime:
        manifest = ledger.manifest(stage, batch)
        if manifest is None:
            return until  # taken by retention this moment, or by somebody: whatever comes first is newer
        return _moment(manifest)

    begin = first + bisect_left(there, since, key=done_at)
    return range(begin, first + bisect_left(there, until, lo=begin - first, key=done_at))


def oldest_batch(lake: Lake, stage: str) -> int:
    """Number of the oldest batch of a stage that retention has left; the next one's if there is none."""
    stop = BatchLedger(lake).cursor(stage).next_batch
    return bisect_left(range(stop), True, key=lambda batch: _is_there(lake, stage, batch))


def first_done_at(lake: Lake, stage: str) -> datetime | None:
    """When the oldest batch that is there was done; None if there is none."""
    manifest = BatchLedger(lake).manifest(stage, oldest_batch(lake, stage))
    return None if manifest is None else _moment(manifest)


def _moment(manifest: Mapping[str, Any]) -> datetime:
    """When a batch was done, of its manifest; scored again, it keeps the first time."""
    return datetime.fromisoformat(manifest.get("scored_at") or manifest["completed_at"])


def _is_there(lake: Lake, stage: str, batch: int) -> bool:
    return lake.exists(f"{batch_folder(stage, batch)}/manifest.json")


class Segments:
    """Remembers customers' segments from batch to batch: the same customers come again and again."""

    def __init__(self, segment_of: SegmentOf | None) -> None:
        self._ask = segment_of
        self._known: dict[str, str] = {}

    def of(self, customer_ids: Sequence[str]) -> Mapping[str, str]:
        """Segment of each customer."""
        missing = [name for name in customer_ids if name not in self._known]
        if missing:
            if len(self._known) + len(missing) > _KEPT_SEGMENTS:
                self._known, missing = {}, list(customer_ids)
            found = self._ask(missing) if self._ask else {}
            self._known |= {name: found.get(name, UNKNOWN) for name in missing}
        return self._known


@dataclass
class _Tally:
    """Counts of the batches so far."""

    scored: int = 0
    reviews: int = 0
    transactions: Counter[str] = field(default_factory=Counter)
    amounts: dict[str, dict[str, Decimal]] = field(default_factory=lambda: defaultdict(dict))
    alerts: Counter[tuple[str, str]] = field(default_factory=Counter)
    hours: dict[datetime, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, rows: pa.Table, at: datetime, segments: Segments) -> None:
        """Count a batch."""
        self.scored += rows.num_rows
        self.reviews += pc.sum(pc.equal(rows["decision"], "REVIEW")).as_py() or 0
        self._add_money(rows, segments)
        alerted = rows.filter(pc.equal(rows["decision"], "ALERT"))
        self.alerts.update(zip(alerted["severity"].to_pylist(), alerted["typology"].to_pylist(), strict=True))
        self.hours[at].update(transactions=rows.num_rows, alerts=alerted.num_rows)

    def _add_money(self, rows: pa.Table, segments: Segments) -> None:
        grouped = rows.group_by(["customer_id", "currency"]).aggregate(
            [("amount", "sum"), ("amount", "count")]
        )
        customers = grouped["customer_id"].to_pylist()
        of_customer = segments.of([name for name in dict.fromkeys(customers) if name is not None])
        parts = zip(
            customers,
            grouped["currency"].to_pylist(),
            grouped["amount_sum"].to_pylist(),
            grouped["amount_count"].to_pylist(),
            strict=True,
        )
        for customer, currency, amount, number in parts:
            segment = NO_CUSTOMER if customer is None else of_customer[customer]
            self.transactions[segment] += number
            total = self.amounts[segment]
            total[currency] = total.get(currency, Decimal(0)) + amount


def activity_of_day(
    lake: Lake, since: datetime, until: datetime, segments: Segments, outbox: OutboxStore | None
) -> Activity:
    """What was done in [since, until), at most a day.

    Accepted, duplicates and dead letters are those of the batches accepted then, everything else of the batches
    scored then; deliveries are those made then.
    """
    ledger, accepted = BatchLedger(lake), batches_between(lake, Stage.ACCEPTED, since, until)
    counts: Counter[str] = Counter()
    for batch in accepted:
        counts.update((ledger.manifest(Stage.ACCEPTED, batch) or {}).get("counts", {}))
    tally = _Tally()
    for batch in batches_between(lake, Stage.SCORED, since, until):
        manifest = ledger.manifest(Stage.SCORED, batch)
        if manifest is None or not lake.exists(scored_file(batch)):
            continue
        hour = since + (_moment(manifest) - since) // _HOUR * _HOUR
        tally.add(lake.read_table(scored_file(batch), _COLUMNS), hour, segments)
    hours = [since + number * _HOUR for number in range(-((since - until) // _HOUR))]
    return Activity(
        batches=len(accepted),
        accepted=counts["accepted"],
        duplicates=counts["duplicates"],
        dead_lettered=counts["dead_lettered"],
        scored=tally.scored,
        reviews=tally.reviews,
        segments={
            name: Total(transactions=number, amounts=dict(sorted(tally.amounts[name].items())))
            for name, number in sorted(tally.transactions.items())
        },
        alerts=alert_counts(tally.alerts),
        channels=None if outbox is None else channels_of(deliveries_between(outbox, since, until)),
        points=tuple(Point(since=hour, **tally.hours[hour]) for hour in hours),
    )


def deliveries_between(outbox: OutboxStore, since: datetime, until: datetime) -> Iterator[Delivery]:
    """Deliveries made in [since, until), the newest first, a page at a time."""
    place = Place(until, _HIGHEST)
    while page := outbox.recent(_PAGE, after=place):
        for delivery in page:
            if delivery.created_at < since:
                return
            yield delivery
        place = Place.of(page[-1])


def channels_of(deliveries: Iterable[Delivery]) -> dict[str, ChannelFigures]:
    """Figures by channel; keeps so many deliveries at a time and no more."""
    found: dict[str, ChannelFigures] = {}
    coming = iter(deliveries)
    while part := list(islice(coming, _PAGE)):
        by_channel: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in part:
            by_channel[delivery.channel].append(delivery)
        for channel, ones in by_channel.items():
            found[channel] = found.get(channel, ChannelFigures()) + _channel(ones)
    return dict(sorted(found.items()))


def _channel(deliveries: Sequence[Delivery]) -> ChannelFigures:
    handed_over = [
        (one.delivered_at - one.arrived_at).total_seconds()
        for one in deliveries
        if one.state is DeliveryState.DELIVERED and one.delivered_at is not None
    ]
    return ChannelFigures(
        states=dict(sorted(Counter(str(one.state) for one in deliveries).items())),
        retries=sum(max(0, one.attempts - 1) for one in deliveries),
        latency=Spread.of(handed_over),
    )
