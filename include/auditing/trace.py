"""``make trace TRANSACTION=<id>`` or ``OFFSET=<partition>:<offset>``: one record from the broker to its messages."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from include.alerts.masking import mask_in
from include.auditing.stores import add_cassandra_arguments, cassandra
from include.pipeline.journey import Journey, JourneyStores, journey
from include.pipeline.journey_search import FURTHER_RUNS, Found, Outcome, Search
from include.settings import settings
from include.stores.cassandra.alerts import CassandraAlertStore
from include.stores.cassandra.cases import CassandraCaseStore, CassandraHandlingStore
from include.stores.cassandra.errors import CassandraStoreError
from include.stores.cassandra.labels import CassandraLabelStore
from include.stores.cassandra.outbox import CassandraOutboxStore
from include.stores.cassandra.queries import batches_of
from include.stores.cassandra.resent import CassandraResentStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger
from include.telemetry.spans import trace_id_of
from include.transactions.dead_letter import DeadLetter, Place
from include.transactions.errors import PlaceRefused, TransactionsError

T = TypeVar("T")

#: Dead letters that are looked at for one that is asked for.
_LETTERS = 20_000
#: Columns of the table where no terminal says how many it has.
_WIDTH = 160


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the record is found, 1 if nobody knows it."""
    options = _parser().parse_args(arguments)
    console = Console(stderr=options.json, width=None if sys.stdout.isatty() else _WIDTH)
    with ExitStack() as stack:
        trace = _Trace(options, stack)
        try:
            found = trace.find()
        except PlaceRefused as error:
            return _refuse(console, str(error))
        if not found:
            return _refuse(console, trace.unknown())
        ways = [trace.way(one) for one in found]
    if options.json:
        print(json.dumps([trace.document(way) for way in ways], indent=1, ensure_ascii=False))
    else:
        for way in ways:
            show(way, trace.trace_id(way.found), console)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.auditing.trace", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("transaction", nargs="?", help="id of the transaction")
    what.add_argument("--offset", metavar="PARTITION:OFFSET", help="place of the record in the topic")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--lake-only", action="store_true", help="ask neither Cassandra nor the brokers")
    parser.add_argument("--kafka", default=settings().brokers, metavar="HOST:PORT", help="the brokers")
    add_cassandra_arguments(parser)
    return parser


class _Trace:
    """One question, and everything that is asked for the answer."""

    def __init__(self, options: argparse.Namespace, stack: ExitStack) -> None:
        self._options = options
        self._lake = Lake(settings().lake)
        self._search = Search(self._lake, settings().topics.transactions, settings().stream.retention)
        self._notes: list[str] = []
        self._session = None
        if not options.lake_only:
            try:
                self._session = stack.enter_context(cassandra(options))
            except CassandraStoreError as error:
                self._notes.append(f"Cassandra is not asked (alerts, deliveries, labels, cases): {error}")

    def find(self) -> list[Found]:
        """Every arrival of what is asked for."""
        if self._options.offset:
            place = Place.of(self._options.offset)
            found = self._search.by_place(place) or self._waiting(place)
            return [] if found is None else [found]
        name = self._options.transaction
        hint = batches_of(self._session, [name]).get(name) if self._session is not None else None
        there = self._search.by_id(name, hint)
        if there:
            self._notes.append(f"further arrivals are looked for in the newest {FURTHER_RUNS} Spark runs")
            return there
        letters = self._letters(lambda letter: _id_of(letter) == name)
        return [_of_letter(letter) for letter in letters]

    def way(self, found: Found) -> Journey:
        """The steps of one arrival."""
        letters: list[DeadLetter] = []
        if found.outcome in (Outcome.DEAD_LETTERED, Outcome.LEFT_OUT):
            letters = self._letters(
                lambda one: one.source_topic == found.topic and one.source_place == found.place
            )
        stores = None
        again = {}
        if (session := self._session) is not None:
            stores = JourneyStores(
                CassandraAlertStore(session), CassandraHandlingStore(session), CassandraOutboxStore(session),
                CassandraCaseStore(session), CassandraLabelStore(session),
            )  # fmt: skip
            again = CassandraResentStore(session).get_many([one.place for one in letters]) if letters else {}
        pairs = [(one, again.get(one.place)) for one in letters]
        return journey(self._lake, found, stores, pairs, self._notes)

    def unknown(self) -> str:
        """Why there is nothing to show."""
        asked = self._options.offset or self._options.transaction
        notes = f" ({'; '.join(self._notes)})" if self._notes else ""
        if self._options.offset:
            return (
                f"expected a record of {self._search.topic} at {asked}, found none: no batch has read that place, or "
                f"retention has deleted it; see `make status` and the lag on the desk{notes}"
            )
        return (
            f"expected the id of a transaction that arrived, got {asked!r}: it stands in no batch, no Spark run "
            f"and none of the newest {_LETTERS:,} dead letters; check the id, or whether retention has deleted its "
            f"batch{notes}"
        )

    def trace_id(self, found: Found) -> str | None:
        """Id of the trace of the record's batch, as a collector has it."""
        if found.batch is None:
            return None
        manifest = BatchLedger(self._lake).manifest("accepted", found.batch)
        return f"{trace_id_of(self._lake, found.batch, manifest):032x}" if manifest else None

    def document(self, way: Journey) -> dict[str, object]:
        """A way as JSON has it."""
        return {**way.document(), "trace_id": self.trace_id(way.found)}

    def _waiting(self, place: Place) -> Found | None:
        """A record the brokers have and no batch has read."""
        if BatchLedger(self._lake).processed_offsets().get(place.partition, 0) > place.offset:
            return None
        return self._asked(lambda: self._record_at(place), "whether the record waits")

    def _record_at(self, place: Place) -> Found | None:
        from include.transactions.offsets import TopicOffsets
        from include.transactions.reading import oldest_arrival

        topic = self._search.topic
        with TopicOffsets(self._config, topic) as offsets:
            begin, end = offsets.beginnings(), offsets.ends()
        if not begin.get(place.partition, 0) <= place.offset < end.get(place.partition, 0):
            return None
        at = oldest_arrival(self._config, topic, {place.partition: place.offset})
        return Found(topic, place, Outcome.WAITING, arrived_at=at)

    def _letters(self, wanted: Callable[[DeadLetter], bool]) -> list[DeadLetter]:
        from include.transactions.dead_letter_box import DeadLetterBox

        box = DeadLetterBox(self._config, settings().topics.dead_letter)
        page = self._asked(lambda: box.page(20, wanted=wanted, look_at=_LETTERS), "the dead letters")
        return list(page.letters) if page is not None else []

    @property
    def _config(self) -> dict[str, str]:
        from include.transactions.offsets import client_settings

        return client_settings(self._options.kafka)

    def _asked(self, ask: Callable[[], T], what: str) -> T | None:
        from confluent_kafka import KafkaException

        if self._options.lake_only:
            return None
        try:
            return ask()
        except (KafkaException, TransactionsError) as error:
            self._notes.append(f"the brokers are not asked ({what}): {error}")
            return None


def _id_of(letter: DeadLetter) -> str | None:
    """The id a dead letter seems to be of."""
    try:
        document = json.loads(letter.value or b"")
    except ValueError:  # also of text that is no UTF-8
        return None
    named = document.get("transaction_id") if isinstance(document, dict) else None
    return named if isinstance(named, str) else None


def _of_letter(letter: DeadLetter) -> Found:
    return Found(
        letter.source_topic, letter.source_place, Outcome.DEAD_LETTERED, _id_of(letter), letter.batch,
        letter.arrived_at, letter.reasons,
    )  # fmt: skip


def _refuse(console: Console, words: str) -> int:
    console.print(words, style="red", highlight=False, markup=False, soft_wrap=True)
    return 1


def show(way: Journey, trace_id: str | None, console: Console) -> None:
    """A way on a terminal: one row a step."""

    def say(text: str, style: str | None = None) -> None:
        console.print(mask_in(text, ()), style=style, highlight=False, markup=False, soft_wrap=True)

    found = way.found
    say(
        f"transaction {found.transaction_id or 'without an id'}, {found.topic} {found.place}: {found.outcome}"
    )
    if trace_id:
        say(f"batch {found.batch}, trace {trace_id}")
    table = Table("time (UTC)", "+ s", "where", "what", "detail", "run")
    last = None
    for step in way.steps:
        delta = "" if last is None else f"{(step.at - last).total_seconds():.3f}"
        row = (f"{step.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], delta, step.where, step.what, step.detail, step.run)
        table.add_row(*map(_plain, row))
        last = step.at
    console.print(table)
    for one in way.waits_for:
        say(f"waits for {one}", "yellow")
    for note in way.notes:
        say(note, "dim")


def _plain(text: str) -> str:
    """Text of others on a terminal: without control characters, and no markup."""
    return escape(mask_in(text, ()))


if __name__ == "__main__":
    sys.exit(main())
