"""A steady stream of transactions and labels, whatever happens to the brokers meanwhile."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from include.local.errors import RunFailed
from include.pipeline.bank import USUAL_DISTURBANCES, BankFeed
from include.transactions.producer import TransactionProducer

_PIECE_SECONDS = 30  # some of every kind of broken record
#: Longer than any outage of a run: what cannot be delivered waits, and is not told of each time it is tried.
_CONFIG = {"delivery.timeout.ms": 900_000, "log_level": 0}
_END_SECONDS = 300.0


class SteadyStream(threading.Thread):
    """Sends the next pieces of a bank's stream, and the labels that have become known, until it is told to stop.

    Attributes
    ----------
    records, labels
        Confirmed by the brokers so far.
    """

    def __init__(self, feed: BankFeed, kafka: dict[str, Any], topics: tuple[str, str], rate: float) -> None:
        super().__init__(name="stream", daemon=True)
        self._feed = feed
        self._kafka = kafka
        self._transactions, self._labels = topics
        self._rate = rate
        self._over = threading.Event()
        self._error: BaseException | None = None
        self.records = 0
        self.labels = 0

    def run(self) -> None:
        """Send piece after piece."""
        try:
            bootstrap = self._kafka["bootstrap.servers"]
            with (
                TransactionProducer(bootstrap, self._transactions, config=_CONFIG) as transactions,
                TransactionProducer(bootstrap, self._labels, config=_CONFIG) as labels,
            ):
                while not self._over.is_set():
                    sent = self._feed.send(
                        max(1, int(self._rate * _PIECE_SECONDS)),
                        lambda records: transactions.deliver(records, self._rate),
                        USUAL_DISTURBANCES,
                        datetime.now(UTC),
                    )
                    if not sent.records:
                        raise RunFailed(
                            "the bank's calendar has reached the present: take more customers or less time"
                        )
                    self.records += sent.records
                    self.labels += self._feed.send_labels(labels.deliver)
        except BaseException as error:
            self._error = error

    def check(self) -> None:
        """Raise RunFailed if the stream broke off."""
        if self._error is not None:
            raise RunFailed(
                f"the stream broke off: {type(self._error).__name__}: {self._error}"
            ) from self._error

    def finish(self) -> None:
        """Stop after the piece that is being sent, and wait until all of it is confirmed.

        Raises
        ------
        RunFailed
            It broke off, or did not come to its end in time.
        """
        self._over.set()
        self.join(_END_SECONDS)
        self.check()
        if self.is_alive():
            raise RunFailed(f"waited {_END_SECONDS:.0f} s for the last records to be confirmed, in vain")
