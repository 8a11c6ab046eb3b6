"""The simulated bank as a source of transactions: a history first, then a stream that goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.privacy.pseudonymising import Pseudonymiser
from include.stores.lake.files import Lake
from include.transactions.encoding import encode
from include.transactions.labels import TRUTH_SCHEMA, LabelEvent, encode_label
from include.transactions.schema import TRANSACTION_SCHEMA
from include.transactions.simulator import SimulatedBank, SimulatedDay
from include.transactions.simulator.label_feed import label_events
from include.transactions.simulator.perturb import perturb

#: The stream begins this long ago: far enough to hurry through some days, near enough for the contract.
LIVE_DAYS = 7
#: Folder of the banks, one folder a bank.
BANKS = "simulated_banks"
#: No label of the simulation is later than this.
LABEL_DELAY_DAYS = 7

_TRANSACTIONS_A_CUSTOMER_AND_DAY = 2


def customers_for(records: float, least: int) -> int:
    """How many customers a bank needs for a stream of so many records to fit into its week; at least ``least``."""
    return max(least, ceil(records / (_TRANSACTIONS_A_CUSTOMER_AND_DAY * (LIVE_DAYS - 1))))


Send = Callable[[Iterator[tuple[bytes, bytes | None]]], int]


@dataclass(frozen=True, slots=True)
class Disturbances:
    """What goes wrong on the way to the topic, as shares of the transactions."""

    duplicates: float = 0.0
    late: float = 0.0
    malformed: float = 0.0

    def transactions_in(self, records: int) -> int:
        """How many transactions make up ``records`` records once the disturbances are added."""
        count = int(records / (1 + self.duplicates + self.malformed))
        while count + round(self.duplicates * count) + round(self.malformed * count) < records:
            count += 1
        return count


#: Of the demo and of the simulated bank as a DAG.
USUAL_DISTURBANCES = Disturbances(duplicates=0.01, late=0.01, malformed=0.005)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a call of ``BankFeed.send`` put into the topic."""

    records: int
    duplicates: int
    late: int
    malformed: int
    truth: pa.Table  # TRUTH_SCHEMA of the valid transactions


class _TokenBank:
    """A simulated bank whose identifiers are tokens from the start, as in ``SimulatedBank``."""

    def __init__(self, bank: SimulatedBank, names: Pseudonymiser) -> None:
        self._bank, self._names = bank, names
        self.seed, self.start = bank.seed, bank.start

    @property
    def customer_ids(self) -> list[str]:
        return self._names.tokens("customer_id", self._bank.customer_ids)

    def day(self, day: int) -> SimulatedDay:
        made = self._bank.day(day)
        return replace(
            made, transactions=self._names.table(made.transactions), labels=self._names.table(made.labels)
        )


class BankFeed:
    """A simulated bank and how far its stream has been sent.

    The position is kept in the lake and moves after a piece has been confirmed; a piece that broke off
    is sent again, and what was there already is recognised as a duplicate.

    Parameters
    ----------
    lake
        Holds the position.
    seed, customers
        Of the bank; each pair is a bank of its own.
    training_days
        Days a model is trained on. The history is longer by the time labels take.
    now
        Aware; a new bank's calendar is laid so that its stream begins ``LIVE_DAYS`` before.
    names
        Replaces identifiers in the bank's own tables, before anything else is done with them.
    """

    def __init__(
        self,
        lake: Lake,
        seed: int,
        customers: int,
        training_days: int = 30,
        *,
        now: datetime,
        names: Pseudonymiser | None = None,
    ) -> None:
        self._lake = lake
        self.folder = f"{BANKS}/seed={seed}-customers={customers}"
        position = lake.read_json(f"{self.folder}/position.json") or self._beginning(training_days, now)
        self.training_days = int(position["training_days"])
        self.history_days = self.training_days + LABEL_DELAY_DAYS
        self._day, self._row = int(position["day"]), int(position["row"])
        self._labels_until = position.get("labels_until")
        bank = SimulatedBank(seed, customers, start=datetime.fromisoformat(position["start"]))
        self._bank = bank if names is None else _TokenBank(bank, names)

    @staticmethod
    def _beginning(training_days: int, now: datetime) -> dict[str, Any]:
        history_days = training_days + LABEL_DELAY_DAYS
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        start = midnight - timedelta(days=LIVE_DAYS + history_days)
        return {"start": start.isoformat(), "training_days": training_days, "day": history_days, "row": 0}

    @property
    def training_until(self) -> datetime:
        """The end of the days a model is trained on; all of their labels are known when the stream begins."""
        return self._bank.start + timedelta(days=self.training_days)

    @property
    def customer_ids(self) -> list[str]:
        """Everybody who has an account there."""
        return self._bank.customer_ids

    def history(self) -> Iterator[SimulatedDay]:
        """The days before the stream."""
        return map(self._bank.day, range(self.history_days))

    def take(self, count: int, until: datetime) -> tuple[pa.Table, pa.Table]:
        """The next transactions and the truth about them: at most ``count``, none later than ``until``.

        The place in the stream moves in this object only, see ``remember``.
        """
        transactions, truth = [TRANSACTION_SCHEMA.empty_table()], [TRUTH_SCHEMA.empty_table()]
        while count > 0 and self._bank.start + timedelta(days=self._day) <= until:
            day = self._bank.day(self._day)
            rest = day.transactions.slice(self._row, count)
            ready = int(pc.sum(pc.less_equal(rest["occurred_at"], until)).as_py() or 0)
            transactions.append(rest.slice(0, ready))
            truth.append(day.labels.slice(self._row, ready))
            count -= ready
            self._row += ready
            if self._row < day.transactions.num_rows:
                break
            self._day, self._row = self._day + 1, 0
        return pa.concat_tables(transactions), pa.concat_tables(truth)

    def remember(self) -> None:
        """Keep the place in the stream."""
        self._lake.write_json(
            f"{self.folder}/position.json",
            {
                "start": self._bank.start.isoformat(),
                "training_days": self.training_days,
                "day": self._day,
                "row": self._row,
                "labels_until": self._labels_until,
            },
        )

    @property
    def reached(self) -> datetime:
        """The time of the next transaction: everything before it has been sent."""
        day = self._bank.day(self._day).transactions
        if self._row < day.num_rows:
            moment: datetime = day["occurred_at"][self._row].as_py()
            return moment
        return self._bank.start + timedelta(days=self._day + 1)

    @property
    def _stream_begins(self) -> datetime:
        return self._bank.start + timedelta(days=self.history_days)

    def history_labels(self) -> list[LabelEvent]:
        """Labels that are known when the stream begins, oldest first."""
        return self._labels(self._bank.start, self._stream_begins)

    def labels(self, until: datetime) -> list[LabelEvent]:
        """Labels that have become known since those sent last and before ``until``, oldest first."""
        since = datetime.fromisoformat(self._labels_until) if self._labels_until else self._stream_begins
        return self._labels(since, until)

    def _labels(self, since: datetime, until: datetime) -> list[LabelEvent]:
        first = max(0, (since - self._bank.start).days - LABEL_DELAY_DAYS)
        days = range(first, (until - self._bank.start).days + 1)
        longest = timedelta(days=LABEL_DELAY_DAYS)
        known = [
            label
            for day in days
            for label in label_events(self._bank.day(day), self._bank.seed, longest_delay=longest)
            if since <= label.labelled_at < until
        ]
        return sorted(known, key=lambda label: (label.labelled_at, label.transaction_id))

    def send_labels(self, send: Send) -> int:
        """Send the labels known by the stream's place and move their position; returns how many.

        Raises
        ------
        DeliveryFailed
            What ``send`` raises; the position has not moved then, and some labels may come twice.
        """
        until = self.reached
        count = send(encode_label(label) for label in self.labels(until))
        self._labels_until = until.isoformat()
        self.remember()
        return count

    def send(self, records: int, send: Send, disturbances: Disturbances, until: datetime) -> Sent:
        """Send the next transactions, with their disturbances, and move the position.

        Parameters
        ----------
        records
            How many records at most.
        send
            Sends (key, value) pairs, returns when all are confirmed, and says how many it sent.
        until
            No transaction later than this, e.g. now.

        Raises
        ------
        DeliveryFailed
            What ``send`` raises; the position has not moved then.
        """
        transactions, truth = self.take(disturbances.transactions_in(records), until)
        disturbed = perturb(
            list(encode(transactions)),
            self._bank.seed + self._day,
            duplicates=disturbances.duplicates,
            late=disturbances.late,
            malformed=disturbances.malformed,
        )
        count = send(iter(disturbed.records))
        self.remember()
        return Sent(count, disturbed.duplicates, disturbed.late, disturbed.malformed, truth)
