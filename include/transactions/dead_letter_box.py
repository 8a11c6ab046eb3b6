"""Looks into the dead-letter topic, the newest first (adapter: uses confluent-kafka)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import Message

from include.transactions.dead_letter import DeadLetter, Place
from include.transactions.offsets import TopicOffsets
from include.transactions.reading import read_between

#: Offsets of each partition that are read at a time, at first and at most.
_FIRST, _MOST = 100, 5_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """Some dead letters, the newest first.

    Attributes
    ----------
    older
        Where to go on, offset by partition; None where there are none before these.
    looked_at
        Dead letters looked at to find these.
    """

    letters: tuple[DeadLetter, ...]
    older: Mapping[int, int] | None
    looked_at: int


class DeadLetterBox:
    """The dead letters of a topic.

    Parameters
    ----------
    config
        librdkafka settings of the brokers.
    topic
        The dead-letter topic.
    """

    def __init__(self, config: Mapping[str, Any], topic: str) -> None:
        self._config = dict(config)
        self._topic = topic

    def page(
        self,
        limit: int,
        before: Mapping[int, int] | None = None,
        wanted: Callable[[DeadLetter], bool] = lambda letter: True,
        look_at: int = 5_000,
    ) -> Page:
        """The newest dead letters, or those before a position.

        Parameters
        ----------
        before
            Offset by partition, ``older`` of the page before; None: from the newest on.
        wanted, look_at
            Which ones to take, and after how many to stop looking.

        Raises
        ------
        TopicsUnavailable
            The topic is not there, or the brokers do not answer.
        """
        walk = self._walk(before)
        found, looked_at = [], 0
        for letter in walk:
            looked_at += 1
            if wanted(letter):
                found.append(letter)
            if len(found) >= limit or looked_at >= look_at:
                break
        older = walk.position if walk.more() else None
        return Page(tuple(found), older, looked_at)

    def letters(self) -> Iterator[DeadLetter]:
        """All dead letters, the newest first, read bit by bit."""
        return iter(self._walk(None))

    def get(self, place: Place) -> DeadLetter | None:
        """One dead letter; None if there is none at that place (any more).

        Raises
        ------
        TopicsUnavailable
            The topic is not there, or the brokers do not answer.
        """
        with TopicOffsets(self._config, self._topic) as offsets:
            begin, end = offsets.beginnings(), offsets.committed_ends()
        if not begin.get(place.partition, 0) <= place.offset < end.get(place.partition, 0):
            return None
        start, stop = {place.partition: place.offset}, {place.partition: place.offset + 1}
        return next(map(letter_of, read_between(self._config, self._topic, start, stop)), None)

    def _walk(self, before: Mapping[int, int] | None) -> _Backwards:
        with TopicOffsets(self._config, self._topic) as offsets:
            begin, end = offsets.beginnings(), offsets.committed_ends()
        start = {partition: min(last, (before or {}).get(partition, last)) for partition, last in end.items()}
        return _Backwards(self._read, begin, start)

    def _read(self, start: Mapping[int, int], stop: Mapping[int, int]) -> Iterator[DeadLetter]:
        return map(letter_of, read_between(self._config, self._topic, start, stop))


class _Backwards:
    """Walks several partitions back in time. Kafka reads forward only, so pieces are read and turned round."""

    def __init__(
        self,
        read: Callable[[Mapping[int, int], Mapping[int, int]], Iterator[DeadLetter]],
        begin: Mapping[int, int],
        start: Mapping[int, int],
    ) -> None:
        self._read = read
        self._begin = begin
        self._unread = dict(start)  # everything from here on has been read
        self.position = dict(start)  # everything from here on has been handed out
        self._waiting: dict[int, deque[DeadLetter]] = {partition: deque() for partition in start}
        self._length = _FIRST

    def __iter__(self) -> Iterator[DeadLetter]:
        while self.more():
            partition = max(
                (p for p, letters in self._waiting.items() if letters),
                key=lambda p: (self._waiting[p][-1].dead_at, self._waiting[p][-1].place),
            )
            letter = self._waiting[partition].pop()
            self.position[partition] = letter.place.offset
            yield letter

    def more(self) -> bool:
        """Whether there is another; then the next of every partition that has one is at hand."""
        while empty := self._unfilled():
            start = {p: max(self._begin[p], self._unread[p] - self._length) for p in empty}
            stop = {p: self._unread[p] for p in empty}
            for letter in self._read(start, stop):
                self._waiting[letter.place.partition].append(letter)
            self._unread |= start
            self._length = min(_MOST, 2 * self._length)
        return any(self._waiting.values())

    def _unfilled(self) -> list[int]:
        return [p for p, letters in self._waiting.items() if not letters and self._unread[p] > self._begin[p]]


def letter_of(message: Message) -> DeadLetter:
    """A record of the dead-letter topic."""
    _, milliseconds = message.timestamp()
    place = Place(message.partition(), message.offset())
    headers: Mapping[str, bytes] = dict(message.headers() or [])
    dead_at = _EPOCH + timedelta(milliseconds=milliseconds)
    return DeadLetter.of(place, dead_at, message.key(), message.value(), headers)
