"""Sends the demo's stream from a thread of its own: the bank does not wait for those who watch it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from include.local.errors import RunFailed
from include.pipeline.bank import USUAL_DISTURBANCES, BankFeed, Sent
from include.transactions.producer import TransactionProducer


class Stream(threading.Thread):
    """The next ``records`` records of a bank, at ``rate`` a second.

    Attributes
    ----------
    handed_over
        Records given to the client so far.
    sent
        What was sent, once all of it is confirmed.
    began_at, ended_at
        When the first and the last record were handed over; None before.
    """

    def __init__(self, feed: BankFeed, kafka: dict[str, Any], topic: str, records: int, rate: float) -> None:
        super().__init__(name="stream", daemon=True)
        self._feed = feed
        self._kafka = kafka
        self._topic = topic
        self._records = records
        self._rate = rate
        self._error: BaseException | None = None
        self.handed_over = 0
        self.sent: Sent | None = None
        self.began_at: datetime | None = None
        self.ended_at: datetime | None = None

    def run(self) -> None:
        """Send it all and wait for the confirmations."""
        try:
            with TransactionProducer(
                self._kafka["bootstrap.servers"], self._topic, config=self._kafka
            ) as producer:
                self.sent = self._feed.send(
                    self._records,
                    lambda records: producer.deliver(records, self._rate or None, self._count),
                    USUAL_DISTURBANCES,
                    datetime.now(UTC),
                )
        except BaseException as error:
            self._error = error

    def _count(self, handed_over: int) -> None:
        self.handed_over = handed_over
        self.ended_at = datetime.now(UTC)
        self.began_at = self.began_at or self.ended_at

    def result(self) -> Sent:
        """What was sent.

        Raises
        ------
        RunFailed
            The stream broke off, or the bank's calendar has reached the present.
        """
        if self._error is not None:
            raise RunFailed(f"the stream broke off: {self._error}") from self._error
        if self.sent is None:
            raise RunFailed("the stream has not ended")
        if self.sent.records < self._records:
            raise RunFailed(
                f"expected {self._records} records, this bank's calendar reached the present after "
                f"{self.sent.records}; take another SEED, or `make clean` and begin anew"
            )
        return self.sent
