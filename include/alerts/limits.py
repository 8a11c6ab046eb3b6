"""How much is sent: messages a minute to one recipient, and messages a second on one channel."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from include.alerts.delivery import Delivery

#: A run that delivers takes nothing more up after so long; what is left stays due for the next one.
RUN_SECONDS = 60.0
#: Messages a channel may send at once before its rate counts, as vendors allow it.
BURST = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What ``routing.yaml`` says of limits.

    Parameters
    ----------
    alerts_per_minute
        Alerts that one recipient is told of one by one, on one channel; the rest goes into a digest.
    digest_every
        How often a recipient gets a digest at most, and the longest an alert waits for it.
    sends_per_second
        By channel, for all senders of a run together; a channel without a rate is not held back.
    """

    alerts_per_minute: int = 300
    digest_every: timedelta = timedelta(seconds=120)
    sends_per_second: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SentKey:
    """What messages are counted by."""

    minute: datetime  # UTC, whole minute
    channel: str
    recipient: str


def minute_of(moment: datetime) -> datetime:
    """The whole minute a moment lies in, UTC."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def minutes_lately(now: datetime) -> tuple[datetime, datetime]:
    """The minute of ``now`` and the one before, which between them hold the last 60 seconds."""
    return minute_of(now), minute_of(now) - timedelta(minutes=1)


class Pace:
    """When the next message may go out on each channel; shared by the senders of a run.

    Parameters
    ----------
    per_second
        Messages a second, by channel.
    run_seconds
        From now on, how long the run may take messages up.
    monotonic, sleep
        The clock to go by, in seconds, and how to wait.
    burst
        Messages a channel may send at once before its rate counts.
    """

    def __init__(
        self,
        per_second: Mapping[str, float] | None = None,
        run_seconds: float = RUN_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        burst: int = 1,
    ) -> None:
        self._burst = burst
        self._gaps = {channel: 1.0 / rate for channel, rate in (per_second or {}).items()}
        self._free_at: dict[str, float] = {}
        self._now = monotonic
        self._sleep = sleep
        self._ends_at = monotonic() + run_seconds

    def starts_at(self, channels: Iterable[str]) -> dict[str, float]:
        """When the next message may go out on each of ``channels``."""
        now = self._now()
        return {
            channel: max(now, self._free_at.get(channel, now) - self._slack(channel)) for channel in channels
        }

    def fits(self, at: float) -> bool:
        """Whether the run still goes on at that time."""
        return at < self._ends_at

    def reserve(self, channel: str, at: float) -> None:
        """Take the turn that begins ``at``; nobody else may have taken one since it was asked for."""
        if channel in self._gaps:
            self._free_at[channel] = max(at, self._free_at.get(channel, at)) + self._gaps[channel]

    def _slack(self, channel: str) -> float:
        """By how much a channel may be ahead of its rate."""
        return (self._burst - 1) * self._gaps.get(channel, 0.0)

    def wait_until(self, at: float) -> None:
        """Sleep until a turn begins."""
        wait = at - self._now()
        if wait > 0:
            self._sleep(wait)


class Failures:
    """How often in a row each channel has failed for itself; all senders of a run, and its rounds, count together.

    Parameters
    ----------
    limit
        After so many in a row a channel is out of order.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_a_row: Counter[str] = Counter()
        self._lock = Lock()

    def again(self, channel: str) -> None:
        """The channel has failed."""
        with self._lock:
            self._in_a_row[channel] += 1

    def close(self, channel: str) -> None:
        """The channel wants to be left alone."""
        with self._lock:
            self._in_a_row[channel] = self._limit

    def over(self, channel: str) -> None:
        """The channel has answered."""
        with self._lock:
            self._in_a_row[channel] = 0

    def out_of_order(self, channel: str) -> bool:
        """Whether it is to be left alone for the rest of the run."""
        return self._in_a_row[channel] >= self._limit

    def closed(self) -> frozenset[str]:
        """Every channel that is out of order."""
        with self._lock:
            return frozenset(name for name, failed in self._in_a_row.items() if failed >= self._limit)

    def suspected(self, channel: str, under_way: int) -> bool:
        """Whether it has failed, and what is under way is enough to tell if it is out of order."""
        failed = self._in_a_row[channel]
        return failed > 0 and failed + under_way >= self._limit


class WorkQueue:
    """The deliveries of a run, handed out to its senders, the oldest whose channel is free first.

    A channel that has to wait does not hold up the others. Nor does one whose vendor hangs: while others have
    work, it has half of the senders at most, or all but one if the others are not free yet.

    Parameters
    ----------
    deliveries
        In the order in which they are to go out.
    pace
        When each channel is free.
    senders
        How many take from the queue; several must say when they are done with what they took.
    """

    def __init__(self, deliveries: Iterable[Delivery], pace: Pace, senders: int = 1) -> None:
        self._lines: dict[str, deque[tuple[int, Delivery]]] = {}
        for number, delivery in enumerate(deliveries):
            self._lines.setdefault(delivery.channel, deque()).append((number, delivery))
        self._pace = pace
        self._senders = senders
        self._under_way: Counter[str] = Counter()
        self._lock = Lock()
        self.left_over = 0  # deliveries nobody will take up in this run

    def take(
        self,
        out_of_order: Callable[[str], bool],
        suspected: Callable[[str, int], bool] = lambda channel, under_way: False,
    ) -> Delivery | None:
        """The next delivery, once its turn has come; None if there is none, or no time for it.

        Parameters
        ----------
        out_of_order
            Whether a channel is to be left alone for the rest of the run.
        suspected
            Whether nobody else is to try a channel, of which so many are under way, before these have ended: who
            has them goes on with the rest.
        """
        with self._lock:
            for channel in [channel for channel in self._lines if out_of_order(channel)]:
                self._leave(channel)
            tried = [name for name in self._lines if not suspected(name, self._under_way[name])]
            turns = self._pace.starts_at(tried)
            if not turns:
                return None
            turns = self._shared(turns)
            earliest = min(turns.values())
            if not self._pace.fits(earliest):
                for channel in list(self._lines):
                    self._leave(channel)
                return None
            free = [name for name, at in turns.items() if at <= earliest]
            few = [name for name in free if self._under_way[name] < self._senders // 2] or free
            _, channel = min((self._lines[name][0][0], name) for name in few)
            self._pace.reserve(channel, earliest)
            _, delivery = self._lines[channel].popleft()
            self._under_way[channel] += 1
            if not self._lines[channel]:
                del self._lines[channel]
        self._pace.wait_until(earliest)
        return delivery

    def done(self, delivery: Delivery) -> None:
        """Say that what was taken is no longer under way, whatever became of it."""
        with self._lock:
            self._under_way[delivery.channel] -= 1

    def _shared(self, turns: dict[str, float]) -> dict[str, float]:
        """Those that do not hold all other senders already, if more than one has work."""
        if self._senders == 1 or len(turns) == 1:
            return turns
        # Who asks has nothing under way, so at most one holds all others.
        return {name: at for name, at in turns.items() if self._under_way[name] < self._senders - 1}

    def _leave(self, channel: str) -> None:
        self.left_over += len(self._lines.pop(channel))
