"""The ports: what the domain asks of a store, and nothing about how a store does it.

Every port has an in-memory implementation in ``include.stores.memory`` and a Cassandra or lake
implementation; one contract suite (``tests/contracts``) runs over both.

A *batch* is numbered from 0 without gaps. Batches of a stage are written in order by one writer at
a time; writing a batch again replaces what its first try wrote, so a replay changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

import pyarrow as pa

from include.alerts.alert import Alert
from include.alerts.contacts import Customer
from include.alerts.delivery import Delivery, DeliveryState, Place
from include.alerts.limits import SentKey
from include.transactions.labels import LabelEvent


class StateStore(Protocol):
    """Per-key state, one version a batch, which makes it exactly-once without transactions.

    ``read`` sees only versions written by *earlier* batches, so a second try of a batch reads what
    the first try read and overwrites what it wrote.
    """

    def read(self, kind: str, keys: Sequence[str], before_batch: int) -> dict[str, bytes]:
        """Newest state of each key written by a batch < ``before_batch``; absent keys are left out.

        Parameters
        ----------
        kind
            Which state: ``"account"`` or ``"counterparty"``.
        keys
            Distinct keys, any order.
        before_batch
            Number of the batch being worked on.
        """
        ...

    def write(self, kind: str, states: Mapping[str, bytes], batch: int) -> None:
        """Write the state of each key as version ``batch``; the same version again replaces it."""
        ...


class SeenStore(Protocol):
    """Which transactions earlier batches have accepted: the memory behind de-duplication."""

    def seen_before(self, transaction_ids: Sequence[str], before_batch: int) -> Mapping[str, bytes | None]:
        """Those of ``transaction_ids`` first accepted by a batch < ``before_batch``, with what they said then.

        Returns
        -------
        mapping
            Digest of the content by id, as it was remembered; None of what was remembered before there were digests.
        """
        ...

    def remember(self, contents: Mapping[str, bytes], batch: int) -> None:
        """Record transactions as accepted by ``batch``; again with the same batch changes nothing.

        Parameters
        ----------
        contents
            Digest of the content by id, see ``include.transactions.content``.
        """
        ...


class DeadLetterQueue(Protocol):
    """Where records that broke the event contract go, with every reason, exactly once."""

    def connect(self) -> None:
        """Be ready to send; from then on no earlier try can send any more. ``send`` does it if nobody has."""
        ...

    def send(
        self, dead: pa.Table | Iterable[pa.Table], batch: int, tail: Mapping[str, int] | None
    ) -> dict[str, int]:
        """Send the dead records of a batch; those a killed try of the batch sent already are left out.

        Parameters
        ----------
        dead
            ``ARRIVAL_SCHEMA`` rows with reasons, or pieces of them where they may be large.
        batch
            The batch's number.
        tail
            What the send of the batch before returned: where to look for an earlier try's records.

        Returns
        -------
        dict
            End offsets of the queue by partition, to be handed to the next batch's send.
        """
        ...


class LabelStore(Protocol):
    """What analysts, charge-backs and customers say of transactions: the newest word of every source."""

    def put(self, labels: Sequence[LabelEvent]) -> None:
        """Record labels, in any order; an older label of a source, or the same again, changes nothing.

        Two labels of one source at the same moment that contradict each other: it is open which of them stays.
        """
        ...

    def get_many(self, transaction_ids: Sequence[str]) -> dict[str, list[LabelEvent]]:
        """What every source says, by transaction; those nobody has spoken of are left out."""
        ...


class AlertStore(Protocol):
    """Alerts, readable by id, by day and by account. Writing an alert again writes the same row."""

    def put(self, alerts: Sequence[Alert]) -> None:
        """Upsert alerts by their deterministic id."""
        ...

    def get(self, alert_id: uuid.UUID) -> Alert | None:
        """One alert, or None."""
        ...

    def get_many(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Alert]:
        """Alerts by id; those not stored are left out."""
        ...

    def by_day(self, day: date, limit: int = 1000) -> list[Alert]:
        """Alerts raised on a UTC day, newest first."""
        ...

    def by_account(self, account_id: str, limit: int = 100) -> list[Alert]:
        """Alerts of an account, newest first."""
        ...


class OutboxStore(Protocol):
    """Deliveries and their state; the one place that decides whether a message may be handed over."""

    def enqueue(self, deliveries: Sequence[Delivery]) -> None:
        """Add deliveries that are not there yet; one that exists keeps its state (compare-and-set)."""
        ...

    def due(self, now: datetime, limit: int = 500, without: Collection[str] = ()) -> list[Delivery]:
        """PENDING deliveries whose time has come, and SENDING ones whose claim has expired; oldest first.

        The time of a delivery is ``next_attempt_at``, or ``arrived_at`` as long as that is None.

        Parameters
        ----------
        without
            Channels whose deliveries are passed over, so that those behind them are found.
        """
        ...

    def claim(self, delivery: Delivery, now: datetime, lease_seconds: float) -> Delivery | None:
        """Take a due delivery (compare-and-set on state and attempts); None if somebody else has it.

        The claimed delivery has state SENDING, attempts + 1, and may be claimed again only after the
        lease: the process that held it is then taken for dead, and should it come back with an outcome
        after somebody else has claimed the delivery, the outcome is logged and dropped.
        """
        ...

    def delivered(self, delivery: Delivery, at: datetime, provider_id: str | None) -> None:
        """Record that the vendor has taken the message over: final."""
        ...

    def failed(self, delivery: Delivery, error: str, next_attempt_at: datetime) -> None:
        """Record a failed attempt that is to be repeated: back to PENDING."""
        ...

    def dead(self, delivery: Delivery, error: str, at: datetime) -> None:
        """Give up on a delivery: final, visible, never dropped."""
        ...

    def get_many(self, delivery_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Delivery]:
        """Deliveries by id, as they are now; those not stored are left out."""
        ...

    def counts(self) -> dict[DeliveryState, int]:
        """Number of deliveries in each state."""
        ...

    def dead_again(self, delivery: Delivery, at: datetime) -> bool:
        """Send a DEAD delivery again, as a person asks (compare-and-set): PENDING, due ``at``, attempts forgiven.

        Returns
        -------
        bool
            Whether it was DEAD, in the version given, and is PENDING now.
        """
        ...

    def add_to_digest(
        self, digest_id: uuid.UUID, part: uuid.UUID, candidates: Sequence[uuid.UUID], at_most: int
    ) -> bool:
        """Note deliveries that a digest may tell of, unless it is sealed or would hold more than ``at_most``.

        Parameters
        ----------
        part
            Names these candidates: the same part again changes nothing.

        Returns
        -------
        bool
            Whether they are noted. If not, they may be noted all the same, should an answer have been lost;
            a digest tells only of those that are folded into it.
        """
        ...

    def seal_digest(self, digest_id: uuid.UUID) -> list[uuid.UUID]:
        """Let nothing more be added to a digest, and return its candidates: from now on always the same."""
        ...

    def fold(self, delivery_ids: Sequence[uuid.UUID], digest_id: uuid.UUID) -> int:
        """Bring those that are PENDING with 0 attempts to DIGESTED under ``digest_id`` (compare-and-set).

        The others stay as they are. When it returns, none of them is PENDING with 0 attempts any more.

        Returns
        -------
        int
            How many it has brought there.
        """
        ...

    def digest_members(self, digest_id: uuid.UUID) -> list[Delivery]:
        """Deliveries that are DIGESTED under ``digest_id``, oldest first."""
        ...

    def note_sent(self, run_id: uuid.UUID, sent: Mapping[SentKey, int]) -> None:
        """Record what a run has sent; the same run again replaces what it said of a minute and recipient."""
        ...

    def sent_lately(self, now: datetime) -> dict[SentKey, int]:
        """What all runs have sent in the minute of ``now`` and in the one before."""
        ...

    def of_alert(self, alert_id: uuid.UUID) -> list[Delivery]:
        """Deliveries of one alert, by the moment they were made and by id."""
        ...

    def recent(
        self,
        limit: int,
        state: DeliveryState | None = None,
        channel: str | None = None,
        after: Place | None = None,
    ) -> list[Delivery]:
        """Deliveries, the newest first, at most ``limit``.

        Parameters
        ----------
        state, channel
            Only these.
        after
            Only those behind this place: that of the last delivery of the page before.
        """
        ...


class CustomerStore(Protocol):
    """Who the customers are, and where and when they may be told of alerts."""

    def put(self, customers: Sequence[Customer]) -> None:
        """Record customers; one with an older ``updated_at`` than the record there changes nothing."""
        ...

    def get_many(self, customer_ids: Sequence[str]) -> dict[str, Customer]:
        """Customers by id; those not stored are left out."""
        ...
