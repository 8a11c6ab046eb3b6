"""The books: what has to be there, by the topics alone, against what is there in every store.

Nothing here asks a stage what it says it did. What is there is read from the lake's files, Cassandra's tables, the
dead-letter topic and the mailbox.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
from cassandra.cluster import Session

from benchmarks.chaos.produced import Place, Produced
from include.aggregates.totals import Period, totals
from include.alerts.delivery import Delivery, DeliveryState
from include.alerts.from_scored import alerts_of
from include.cases.case import Case
from include.cases.handling import Handling
from include.cases.queue import Ordering
from include.governance.verify import verify_audit
from include.local.demo.facts import Facts
from include.local.mailbox.store import MailStore
from include.local.mailbox.view import view_of
from include.pipeline import parity
from include.settings import Settings
from include.stores.cassandra.audit import CassandraAuditStore
from include.stores.cassandra.queries import decisions
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file, batch_folder, scored_file
from include.stores.lake.names import LABELS
from include.transactions.dead_letters import KafkaDeadLetters
from include.transactions.reading import read_between

_CHUNK = 5_000
_MAIL_DOMAIN = ".mailbox.invalid>"
_HANDLED = "SELECT alert_id, account_id, leader_id, suppression_id FROM alert_handling"
_QUEUE = "SELECT ordering, alert_id, version, status, assignee FROM alert_queue"
_NEWEST_EVENTS = "SELECT alert_id, number, status, assignee FROM case_events PER PARTITION LIMIT 1"


@dataclass(slots=True)
class Book:
    """One store, compared.

    Attributes
    ----------
    expected
        How many entries there have to be.
    lost, doubled
        Names of entries that are missing, or there more than once or without having been produced; with the
        moment the broker had what they are about, where that is known.
    differs
        Entries that are there and say something else, in words.
    """

    store: str
    expected: int = 0
    lost: list[tuple[str, datetime | None]] = field(default_factory=list)
    doubled: list[tuple[str, datetime | None]] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)

    @property
    def balances(self) -> bool:
        """Whether nothing is lost, doubled or different."""
        return not (self.lost or self.doubled or self.differs)

    def count(
        self, expected: Iterable[Hashable], found: Iterable[Hashable], at: Mapping[Any, datetime | None]
    ) -> None:
        """Compare entries that have to be there once with those that are."""
        wanted, there = set(expected), Counter(found)
        self.expected += len(wanted)
        self.lost += [(str(one), at.get(one)) for one in wanted if one not in there]
        self.doubled += [
            (str(one), at.get(one)) for one, times in there.items() if times > 1 or one not in wanted
        ]


def books(settings: Settings, kafka: Mapping[str, Any], session: Session, made: Produced) -> list[Book]:
    """Compare every store with what was produced; nothing may be under way any more."""
    lake = Lake(settings.lake)
    done = range(BatchLedger(lake).cursor(Stage.SCORED).next_batch)
    scored = [lake.read_table(scored_file(batch)) for batch in done]
    raised = [alert for batch in done for alert in alerts_of(scored[batch], batch)]
    at = {str(one.alert_id): made.arrived.get(one.transaction_id) for one in raised}
    begun = _beginnings(session)
    return [
        _counts(lake, made),
        _ids("transactions in the lake", made, (lake.read_table(accepted_file(b), ["transaction_id"]) for b in done)),
        _ids("decisions in the lake", made, scored),
        _ids("transactions in Cassandra", made, _rows(session, "transactions_by_account")),
        _ids("index of transactions in Cassandra", made, _rows(session, "transactions_by_id")),
        _decisions(session, made, scored),
        _dead_letters(settings, kafka, made),
        *(_totals(session, made, key, period) for key in ("account", "counterparty") for period in ("hour", "day")),
        *(_running_totals(session, made, key) for key in ("account", "counterparty")),
        _features(lake),
        _alerts(session, made, at),
        _handled(begun, at),
        _queue(session, begun, at),
        *_deliveries(settings, done),
        *_labels(lake, session, made),
        _audit(lake, session),
    ]  # fmt: skip


def _counts(lake: Lake, made: Produced) -> Book:
    """The sum that always holds: produced = accepted + duplicates + dead-lettered."""
    said = BatchLedger(lake).cursor(Stage.ACCEPTED).totals
    book = Book("produced = accepted + duplicates + dead letters", made.records)
    for name, wanted in (
        ("read", made.records),
        ("accepted", len(made.transactions)),
        ("duplicates", made.duplicates),
        ("dead_lettered", len(made.dead)),
    ):
        if said.get(name, 0) != wanted:
            book.differs.append(f"{name}: expected {wanted}, the ledger has {said.get(name, 0)}")
    return book


def _ids(store: str, made: Produced, tables: Iterable[pa.Table]) -> Book:
    book = Book(store)
    book.count(made.transactions, (i for t in tables for i in t["transaction_id"].to_pylist()), made.arrived)
    return book


def _rows(session: Session, table: str) -> Iterable[pa.Table]:
    found = session.execute(f"SELECT transaction_id FROM {table}", timeout=None)  # noqa: S608 - our own names
    yield pa.table({"transaction_id": [row[0] for row in found]})


def _decisions(session: Session, made: Produced, scored: Iterable[pa.Table]) -> Book:
    book = Book("decisions in Cassandra")
    there: list[str] = [
        row[0] for row in session.execute("SELECT transaction_id FROM decisions", timeout=None)
    ]
    book.count(made.transactions, there, made.arrived)
    names = ["transaction_id", "decision", "score", "model_version", "ruleset_version"]
    for table in scored:
        stored = decisions(session, table["transaction_id"].to_pylist())
        for row in table.select(names).to_pylist():
            one = stored.get(row["transaction_id"])
            if one is not None and any(getattr(one, name) != row[name] for name in names):
                book.differs.append(
                    f"{row['transaction_id']}: the lake has {row}, Cassandra {one.decision} {one.score}"
                )
    return book


def _dead_letters(settings: Settings, kafka: Mapping[str, Any], made: Produced) -> Book:
    book = Book("dead letters")
    at: dict[tuple[bytes, int, int], datetime | None] = {}
    for topic, places in (
        (settings.topics.transactions, made.dead),
        (settings.topics.labels, made.dead_labels),
    ):
        at |= {(topic.encode(), *place): arrived_at for place, arrived_at in places.items()}
    queue = KafkaDeadLetters(kafka, settings.topics.dead_letter, settings.topics.transactions)
    ends = {int(partition): end for partition, end in queue.ends().items()}
    found = []
    for message in read_between(kafka, settings.topics.dead_letter, {}, ends):
        headers: dict[str, Any] = dict(message.headers() or [])
        place = int(headers["source.partition"]), int(headers["source.offset"])
        found.append((headers["source.topic"], *place))
    book.count(at, found, at)
    return book


def _totals(session: Session, made: Produced, kind: str, period: Period) -> Book:
    book = Book(f"totals by {kind} and {period}")
    cql = f"SELECT {kind}_id, {period}, transaction_count, total, maximum FROM {kind}_totals"  # noqa: S608
    found: dict[Any, list[Any]] = {}
    for key, start, count, total, maximum in session.execute(cql, timeout=None):
        before = found.get((key, start))
        found[key, start] = (
            [count, total, maximum]
            if before is None
            else [before[0] + count, before[1] + total, max(before[2], maximum)]
        )
    wanted = {
        (row["key"], row["period_start"].replace(tzinfo=None)): [row["count"], row["total"], row["maximum"]]
        for row in totals(made.table(), f"{kind}_id", period).to_pylist()  # type: ignore[arg-type]
    }
    _compare_totals(book, wanted, found)
    return book


def _running_totals(session: Session, made: Produced, kind: str) -> Book:
    book = Book(f"running totals by {kind}")
    cql = (
        f"SELECT {kind}_id, transaction_count, total, maximum FROM {kind}_running_totals "  # noqa: S608
        "PER PARTITION LIMIT 1"
    )
    found = {key: list(values) for key, *values in session.execute(cql, timeout=None)}
    wanted = {
        row["key"]: [row["count"], row["total"], row["maximum"]]
        for row in totals(made.table(), f"{kind}_id", "running").to_pylist()  # type: ignore[arg-type]
    }
    _compare_totals(book, wanted, found)
    return book


def _compare_totals(book: Book, wanted: Mapping[Any, list[Any]], found: Mapping[Any, list[Any]]) -> None:
    book.expected = len(wanted)
    for key in {*wanted, *found}:
        must, has = wanted.get(key, [0, 0, 0]), found.get(key, [0, 0, 0])
        if has[0] < must[0]:
            book.lost.append((f"{must[0] - has[0]} of {key}", None))
        elif has[0] > must[0]:
            book.doubled.append((f"{has[0] - must[0]} of {key}", None))
        elif has != must:
            book.differs.append(f"{key}: expected {must}, got {has}")


def _features(lake: Lake) -> Book:
    """Features live scoring used, against the same computed anew from the lake; the states behind them too."""
    record = parity.check(lake, whole=True)
    book = Book("feature values", record.values, differs=list(record.mismatches))
    if record.mismatched > len(record.mismatches):
        book.differs.append(f"and {record.mismatched - len(record.mismatches)} more")
    if not record.holds and not book.differs:
        book.differs.append(record.broken_off or "nothing was compared")
    return book


def _alerts(session: Session, made: Produced, wanted: Mapping[str, datetime | None]) -> Book:
    book = Book("alerts")
    rows = list(session.execute("SELECT alert_id, transaction_id FROM alerts", timeout=None))
    book.count(wanted, (str(row[0]) for row in rows), wanted)
    several = Counter(row[1] for row in rows)
    book.doubled += [(name, made.arrived.get(name)) for name, times in several.items() if times > 1]
    return book


def _beginnings(session: Session) -> dict[uuid.UUID, Case]:
    """How each case began."""
    return {row[0]: Handling(*row).case() for row in session.execute(_HANDLED, timeout=None)}


def _handled(begun: Iterable[uuid.UUID], wanted: Mapping[str, datetime | None]) -> Book:
    """Whether to tell people of an alert, decided for every one."""
    book = Book("alerts decided on whom to tell")
    book.count(wanted, map(str, begun), wanted)
    return book


def _queue(session: Session, begun: Mapping[uuid.UUID, Case], wanted: Mapping[str, datetime | None]) -> Book:
    """The desk's rows: each alert once in every order, as its newest case event left it or as its case began."""
    book = Book("rows of the desk's queue")
    rows = list(session.execute(_QUEUE, timeout=None))
    at = {(str(order), alert): arrived for order in Ordering for alert, arrived in wanted.items()}
    book.count(at, ((row[0], str(row[1])) for row in rows), at)
    cases = {name: (0, str(case.status), None) for name, case in begun.items()}
    cases |= {row[0]: tuple(row[1:]) for row in session.execute(_NEWEST_EVENTS, timeout=None)}
    for order, alert, *stands in rows:
        if tuple(stands) != cases.get(alert):
            book.differs.append(f"{order} {alert}: expected {cases.get(alert)}, got {stands}")
    return book


def _deliveries(settings: Settings, done: range) -> list[Book]:
    """What somebody has to be told of, in the outbox; and what the outbox says has left, in the mailbox."""
    facts = Facts(settings, done)
    try:
        expected = facts.expected()
        everything = facts.everything_in_the_outbox()
    finally:
        facts.close()
    outbox = Book("deliveries", len(expected))
    for identity, one in expected.items():
        stored = everything.get(identity)
        if stored is None or not _is_settled(stored, everything):
            state = "missing" if stored is None else f"{stored.state}: {stored.last_error or 'no error'}"
            outbox.lost.append((f"{identity} {one.channel} ({state})", one.arrived_at))
    delivered = {i: d for i, d in everything.items() if d.state is DeliveryState.DELIVERED}
    return [outbox, _mails(settings, delivered)]


def _is_settled(one: Delivery, everything: Mapping[Any, Delivery]) -> bool:
    """Whether it has left, alone or in a digest, or waits on purpose for a customer's morning."""
    if one.state is DeliveryState.DIGESTED:
        digest = everything.get(one.digest_id)
        return digest is not None and (digest.state is DeliveryState.DELIVERED or digest.is_held)
    return one.state is DeliveryState.DELIVERED or one.is_held


def _mails(settings: Settings, delivered: Mapping[Any, Delivery]) -> Book:
    book = Book("messages at the vendors", len(delivered))
    by_name: dict[str, Delivery] = {}
    for identity, one in delivered.items():
        by_name[str(identity)] = one
        if one.provider_id:
            by_name[f"<{one.provider_id}@{one.channel}{_MAIL_DOMAIN}"] = one
    store = MailStore(settings.stack_dir / "mailbox" / "mail")
    found: Counter[Any] = Counter()
    for mail in store.newest(store.count()):
        view = view_of(mail, store.read(mail.key) or b"")
        name = view.delivery_id or view.message_id
        if view.channel != "email" and name not in by_name:
            book.doubled.append((f"{view.channel} {name} belongs to no delivery", mail.received_at))
        elif name in by_name:
            found[by_name[name].delivery_id] += 1
    for identity, one in delivered.items():
        if one.provider_id == "empty":  # a digest that had nothing to tell
            continue
        if not found[identity]:
            book.lost.append((f"{one.channel} {identity}", one.arrived_at))
        elif found[identity] > 1:
            book.doubled.append((f"{one.channel} {identity}", one.arrived_at))
    return book


def _labels(lake: Lake, session: Session, made: Produced) -> list[Book]:
    at: dict[Place, datetime | None] = {place: arrived for place, (_, arrived) in made.labels.items()}
    in_lake, found = Book("labels in the lake", len(at)), Counter[Place]()
    for batch in range(BatchLedger(lake).cursor(LABELS).next_batch):
        table = lake.read_table(
            f"{batch_folder(LABELS, batch)}/data.parquet", ["kafka_partition", "kafka_offset"]
        )
        found.update(
            zip(table["kafka_partition"].to_pylist(), table["kafka_offset"].to_pylist(), strict=True)
        )
    # The topic is compacted: what it has no more may well be in the lake.
    in_lake.lost = [(f"label {place}", at[place]) for place in at if place not in found]
    in_lake.doubled = [(f"label {place}", at.get(place)) for place, times in found.items() if times > 1]
    in_store = Book("labels in Cassandra")
    newest = {(one.transaction_id, one.source): arrived for one, arrived in made.labels.values()}
    there = session.execute("SELECT transaction_id, source FROM labels_by_transaction", timeout=None)
    stored = {tuple(row) for row in there}
    in_store.expected = len(newest)
    in_store.lost = [(" ".join(key), arrived) for key, arrived in newest.items() if key not in stored]
    return [in_lake, in_store]


def _audit(lake: Lake, session: Session) -> Book:
    """Every batch sealed, every row as it was sealed, no link of a chain missing."""
    found = verify_audit(lake, CassandraAuditStore(session))
    return Book("sealed batches", found.scored, differs=[str(problem) for problem in found.problems])
