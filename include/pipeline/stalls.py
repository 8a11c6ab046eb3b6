"""What waits at each stage, since when, and whether the stage still moves: read from durable truth alone.

A stage is *stalled* when its oldest work has waited for more than ``PATIENCE`` and it has done nothing in that
time. A backlog that drains is not stalled, however old its oldest record is; an idle stage has nothing waiting.
It is *caught up* when nothing older than ``PATIENCE`` waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from include.alerts.delivery import DeliveryState
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.stores.lake.names import LABELS
from include.stores.ports import OutboxStore

PATIENCE = timedelta(seconds=60)

#: Deliveries that a look goes through.
_MOST = 500
#: So many deliveries given up, of so long, are an incident.
GIVEN_UP_MANY, GIVEN_UP_LATELY = 10, timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Work:
    """A stage of the flow as people speak of it.

    Attributes
    ----------
    needs
        Servers without which it cannot work, the likeliest culprit first.
    """

    stage: str
    dag: str
    unit: str
    needs: tuple[str, ...]


_AIRFLOW = ("metadatabase", "scheduler", "dag_processor")
WORK: Mapping[str, Work] = {
    work.stage: work
    for work in (
        Work("processing", "process_transactions", "records", ("kafka", "spark", "cassandra", *_AIRFLOW, "triggerer")),
        Work("scoring", "score_transactions", "batches", ("cassandra", "spark", *_AIRFLOW)),
        Work("alerting", "raise_alerts", "batches", ("cassandra", *_AIRFLOW)),
        Work("loading", "load_cassandra", "batches", ("cassandra", *_AIRFLOW)),
        Work("labels", "collect_labels", "records", ("kafka", "cassandra", *_AIRFLOW, "triggerer")),
        Work("deliveries", "sweep_batches", "deliveries", ("smtp", "cassandra", *_AIRFLOW)),
    )
}  # fmt: skip

_STAGES = {Stage.SCORED: "scoring", Stage.ALERTED: "alerting", Stage.STORED: "loading"}
#: Cursor of the stages that read a topic.
TOPICS: Mapping[str, str] = {"processing": str(Stage.ACCEPTED), "labels": LABELS}


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits at a stage.

    Attributes
    ----------
    stage
        A key of ``WORK``.
    since
        When the oldest of it came; None where nothing waits.
    moved_at
        When the stage last finished something; None if it never has.
    known
        What the work itself says about why it waits, such as a vendor's error.
    """

    stage: str
    waiting: int = 0
    since: datetime | None = None
    moved_at: datetime | None = None
    known: str | None = None

    def caught_up(self, now: datetime) -> bool:
        """Whether nothing has waited for long."""
        return self.since is None or now - self.since < PATIENCE

    def stalled(self, now: datetime) -> bool:
        """Whether it has waited for long, and nothing moves."""
        return not self.caught_up(now) and (self.moved_at is None or now - self.moved_at >= PATIENCE)


class Topic(Protocol):
    """A topic's offsets; ``include.transactions.offsets.TopicOffsets`` has it."""

    def ends(self) -> dict[int, int]:
        """End offset of each partition."""
        ...

    def before(self, moment: datetime) -> dict[int, int]:
        """Offset of each partition's first record that came at ``moment`` or later; its end if none did."""
        ...

    def written_at(self, partition: int, offset: int) -> datetime | None:
        """When a record was appended; None if it is not there."""
        ...


def of_batches(lake: Lake) -> list[Backlog]:
    """What waits for scoring, alerting and loading."""
    ledger = BatchLedger(lake)
    found = []
    for stage, name in _STAGES.items():
        due = ledger.due(stage)
        assert stage.before is not None  # noqa: S101 (those that wait for Kafka are not among them)
        since = _done_at(ledger, stage.before, due.start) if due else None
        found.append(Backlog(name, len(due), since, _done_at(ledger, stage, due.start - 1)))
    return found


def of_topic(stage: str, topic: Topic, lake: Lake, now: datetime) -> Backlog:
    """What the brokers have and no batch covers, as far as it has waited for ``PATIENCE``."""
    ledger, cursor = BatchLedger(lake), TOPICS[stage]
    done = ledger.processed_offsets(cursor)
    old = {
        partition: end - done.get(partition, 0)
        for partition, end in topic.before(now - PATIENCE).items()
        if end > done.get(partition, 0)
    }
    moved_at = _done_at(ledger, cursor, ledger.cursor(cursor).next_batch - 1)
    if not old:
        return Backlog(stage, moved_at=moved_at)
    written = [topic.written_at(partition, done.get(partition, 0)) for partition in old]
    oldest = min((at for at in written if at is not None), default=now - PATIENCE)
    return Backlog(stage, sum(old.values()), oldest, moved_at)


def of_outbox(outbox: OutboxStore, now: datetime) -> Backlog:
    """Deliveries nobody has tried for long although they are due, and those a silent channel does not take.

    A channel is silent when it has taken nothing for ``PATIENCE`` and refuses what is tried.
    """
    overdue = outbox.due(now - PATIENCE, _MOST)
    taken = [one.delivered_at for one in outbox.recent(_MOST, DeliveryState.DELIVERED) if one.delivered_at]
    moved_at = max(taken, default=None)
    if overdue:
        since = min(one.next_attempt_at or one.arrived_at for one in overdue)
        return Backlog("deliveries", len(overdue), since, moved_at)
    failing = [one for one in outbox.recent(_MOST, DeliveryState.PENDING) if one.attempts and one.last_error]
    for channel in sorted({one.channel for one in failing}):
        newest = outbox.recent(1, DeliveryState.DELIVERED, channel)
        at = newest[0].delivered_at if newest else None
        refused = [one for one in failing if one.channel == channel and (at is None or one.created_at > at)]
        if refused and now - (since := min(one.created_at for one in refused)) >= PATIENCE:
            last = max(refused, key=lambda one: one.attempts)
            known = (
                f"channel {channel} takes nothing ({last.last_error}); deliveries wait and are tried again"
            )
            return Backlog("deliveries", len(refused), since, at, known)
    return Backlog("deliveries", moved_at=moved_at)


def given_up(outbox: OutboxStore, now: datetime) -> str | None:
    """Words for an incident, if many deliveries of the last day were given up and nobody has sent them again.

    One address that does not exist is no incident; many mean that a channel or its settings were wrong.
    """
    dead = [one for one in outbox.recent(_MOST, DeliveryState.DEAD) if one.created_at > now - GIVEN_UP_LATELY]
    if len(dead) < GIVEN_UP_MANY:
        return None
    channels = ", ".join(
        f"{name} {count}" for name, count in Counter(one.channel for one in dead).most_common()
    )
    return (
        f"{len(dead)}{' or more' if len(dead) == _MOST else ''} messages of the last day were given up ({channels}); "
        f"the newest says: {dead[0].last_error}. See Deliveries in the fraud desk; an approver can send them again"
    )


def _done_at(ledger: BatchLedger, stage: str, batch: int) -> datetime | None:
    manifest = ledger.manifest(stage, batch) if batch >= 0 else None
    return datetime.fromisoformat(manifest["completed_at"]) if manifest else None


def sentence(backlog: Backlog, cause: str, now: datetime) -> str:
    """An incident's words: what waits, since when, why."""
    work = WORK[backlog.stage]
    since = "" if backlog.since is None else f", the oldest since {backlog.since:%Y-%m-%d %H:%M:%S} UTC"
    moved = (
        "it has never finished anything"
        if backlog.moved_at is None
        else f"it last finished something at {backlog.moved_at:%Y-%m-%d %H:%M:%S}"
    )
    many = f"at least {backlog.waiting:,}" if backlog.stage == "deliveries" else f"{backlog.waiting:,}"
    if backlog.stalled(now):
        return f"{work.dag} stands still: {many} {work.unit} wait{since}; {moved}. Cause: {cause}"
    return f"{work.dag} moves again: {many} {work.unit} still wait{since}"


def culprits(stage: str, away: Mapping[str, str]) -> list[str]:
    """What the servers that do not answer and that a stage needs said, the likeliest first."""
    return [f"{name} does not answer ({away[name]})" for name in WORK[stage].needs if name in away]
