"""Sends transactions and labels to Kafka (adapter: this module and ``topics`` use confluent-kafka)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from include.transactions.contract import MAX_VALUE_BYTES
from include.transactions.encoding import encode
from include.transactions.errors import DeliveryFailed, RecordTooLarge
from include.transactions.rate import TokenBucket
from include.transactions.topics import MAX_RECORD_BYTES

log = logging.getLogger(__name__)

Record = tuple[bytes, bytes | None]

_DEFAULTS: Mapping[str, Any] = {
    "client.id": "tidewatch-transactions",
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "lz4",
    "linger.ms": 50,
    "batch.num.messages": 10_000,
    # Longer than any broker restart: a minute's outage is waited out, not reported.
    "delivery.timeout.ms": 180_000,
    "reconnect.backoff.max.ms": 2_000,
    "queue.buffering.max.messages": 200_000,
    "queue.buffering.max.kbytes": 262_144,
    # What the brokers take of the topic; the client refuses what is larger before it is sent.
    "message.max.bytes": MAX_RECORD_BYTES,
    # The Java client's partitioner, so that every client puts an account on the same partition.
    "partitioner": "murmur2_random",
}

_POLL_EVERY = 500  # records between two looks at delivery reports
_WARN_EVERY_SECONDS = 10.0


class TransactionProducer:
    """Idempotent producer of one topic, keyed by account, that never loses a record silently.

    Each record is either confirmed by all in-sync replicas or told of by ``DeliveryFailed`` from a later
    call; ``flush`` is therefore part of sending. As a context manager it flushes on the way out. Not for
    use from several threads.

    Parameters
    ----------
    bootstrap
        ``host:port`` list of brokers.
    topic
        Where every record goes.
    config
        librdkafka settings that replace or add to this module's.
    """

    def __init__(self, bootstrap: str, topic: str, *, config: Mapping[str, Any] | None = None) -> None:
        self.bootstrap = bootstrap
        self.topic = topic
        self._failed = 0
        self._first_error: str | None = None
        self._handed_over = 0
        self._last_warning = -_WARN_EVERY_SECONDS
        settings = {**_DEFAULTS, "bootstrap.servers": bootstrap, **(config or {})}
        self._largest = int(settings["message.max.bytes"])
        self._delivery_seconds = float(settings["delivery.timeout.ms"]) / 1000
        # Reports of failures only: successes need no callback per record, which is what makes it fast.
        self._producer = Producer(
            {
                **settings,
                "delivery.report.only.error": True,
                "on_delivery": self._on_delivery,
                "error_cb": self._on_error,
            },
            logger=log,  # what librdkafka has to say, in the program's log and not on its standard error
        )

    @property
    def handed_over(self) -> int:
        """Records given to the client so far, confirmed or not."""
        return self._handed_over

    @property
    def waiting(self) -> int:
        """Records in the client that the brokers have not confirmed yet."""
        return len(self._producer)

    def send_table(
        self,
        table: pa.Table,
        rate: float | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> int:
        """Send the transactions of a table in its order.

        Parameters
        ----------
        table
            Columns of ``TRANSACTION_SCHEMA``.
        rate
            Transactions a second; None for full speed.
        on_progress
            Called now and then, and at the end, with the number of records of this call handed over.

        Returns
        -------
        int
            Records handed to the client; confirmed only after ``flush``.

        Raises
        ------
        DeliveryFailed
            Records of this or an earlier call could not be delivered.
        RecordTooLarge
            One is larger than the topic takes; those before it were handed over.
        """
        return self.send_records(encode(table), rate, on_progress)

    def send_records(
        self,
        records: Iterable[Record],
        rate: float | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> int:
        """Send encoded records; parameters, return value and errors as in ``send_table``."""
        bucket = None if rate is None else TokenBucket(rate)
        # With a slow rate reports must still be seen within about a tenth of a second.
        poll_every = _POLL_EVERY if rate is None else max(1, min(_POLL_EVERY, int(rate / 10)))
        produce, topic = self._producer.produce, self.topic
        count = 0
        for key, value in records:
            if bucket is not None:
                bucket.take()
            try:
                produce(topic, value, key)
            except BufferError:
                self._wait_for_room(key, value)
            except KafkaException as error:
                raise self._refused(error) from error
            count += 1
            self._handed_over += 1
            if count % poll_every == 0:
                self._producer.poll(0)
                self._raise_failures()
                if on_progress is not None:
                    on_progress(count)
        self._producer.poll(0)
        self._raise_failures()
        if on_progress is not None:
            on_progress(count)
        return count

    def deliver(
        self,
        records: Iterable[Record],
        rate: float | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> int:
        """``send_records``, then ``flush``: every record is confirmed when it returns."""
        count = self.send_records(records, rate, on_progress)
        self.flush()
        return count

    def flush(self, timeout: float | None = None) -> None:
        """Wait until every record is confirmed.

        Parameters
        ----------
        timeout
            Seconds; by default a little more than a record's own delivery timeout, so that each record is
            either confirmed or reported.

        Raises
        ------
        DeliveryFailed
            Some records failed, or are unconfirmed after ``timeout`` (these may still arrive).
        """
        waiting = self._producer.flush(self._delivery_seconds + 5 if timeout is None else timeout)
        self._raise_failures(waiting)
        if waiting:
            raise DeliveryFailed(
                f"expected {self.bootstrap} to confirm every record of {self.topic!r}, {waiting} still wait;"
                " check that the brokers run, then flush again (sending them anew would make duplicates)",
                unconfirmed=waiting,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.flush()
        else:
            self._producer.flush(5)  # the first error is the one to tell; deliver what can be delivered

    def _wait_for_room(self, key: bytes, value: bytes | None) -> None:
        while True:
            self._producer.poll(0.2)
            self._raise_failures()
            try:
                self._producer.produce(self.topic, value, key)
            except BufferError:
                continue
            except KafkaException as error:
                raise self._refused(error) from error
            return

    def _refused(self, error: KafkaException) -> DeliveryFailed | RecordTooLarge:
        if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return RecordTooLarge(
                f"expected a record for {self.topic!r} of at most {self._largest:,} bytes, got a larger one; a "
                f"transaction may have {MAX_VALUE_BYTES:,}: correct the source, or leave the record out"
            )
        return DeliveryFailed(
            f"expected the client to take a record for {self.topic!r}, got {error.args[0]};"
            " after a fatal error make a new producer",
            failed=1,
            unconfirmed=self.waiting,
        )

    def _raise_failures(self, unconfirmed: int | None = None) -> None:
        if not self._failed:
            return
        failed, first = self._failed, self._first_error
        self._failed, self._first_error = 0, None
        raise DeliveryFailed(
            f"expected {self.bootstrap} to confirm every record of {self.topic!r}, {failed} failed"
            f" (first: {first}); check the brokers and the topic, then send the unconfirmed part again:"
            " duplicates are recognised by their transaction_id",
            failed=failed,
            unconfirmed=self.waiting if unconfirmed is None else unconfirmed,
        )

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed += 1
            self._first_error = self._first_error or error.str()

    def _on_error(self, error: KafkaError) -> None:
        now = time.monotonic()
        if now - self._last_warning < _WARN_EVERY_SECONDS:
            return
        self._last_warning = now
        log.warning(
            "Kafka at %s: %s; %d records wait in the client and fail after %.0f s without the brokers",
            self.bootstrap, error.str(), self.waiting, self._delivery_seconds,
        )  # fmt: skip
