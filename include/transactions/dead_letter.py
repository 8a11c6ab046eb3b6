"""A dead letter: a record that was refused, as the dead-letter topic has it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Self

from include.transactions.errors import PlaceRefused

_PLACE = re.compile(r"([0-9]{1,9}):([0-9]{1,18})")
#: Most places that a text may name.
_MANY_PLACES = 1_000
#: Most that are sent again at a time.
MANY = 10_000


class Place(NamedTuple):
    """Where a record stands in a topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"

    @classmethod
    def of(cls, text: str) -> Self:
        """Back from ``partition:offset``.

        Raises
        ------
        PlaceRefused
            It is none.
        """
        found = _PLACE.fullmatch(text.strip())
        if found is None:
            raise PlaceRefused(
                f"expected a place as partition:offset, e.g. 0:17, got {text[:40]!r}; take it from the list"
            )
        return cls(int(found[1]), int(found[2]))


def position_of(text: str) -> dict[int, int] | None:
    """Offset by partition, back from ``position_text``; None for an empty text.

    Raises
    ------
    PlaceRefused
        It is none.
    """
    parts = text.split(",") if text else []
    if len(parts) > _MANY_PLACES:
        raise PlaceRefused(
            f"expected at most {_MANY_PLACES} partitions, got {len(parts)}; begin at the newest"
        )
    return {place.partition: place.offset for place in map(Place.of, parts)} or None


def position_text(position: Mapping[int, int]) -> str:
    """Offset by partition as a text that may stand in an address."""
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(position.items()))


REASON_FOREIGN = (
    "headers: expected where the record came from and the reasons of its refusal; it is no dead letter"
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record of the dead-letter topic.

    Attributes
    ----------
    place
        In the dead-letter topic.
    dead_at
        When it came there, UTC.
    key, value
        As they were sent; None where there was none.
    reasons
        Every reason for the refusal.
    source_topic, source_place, arrived_at, batch
        Where and when it had arrived, and the batch that refused it.
    """

    place: Place
    dead_at: datetime
    key: bytes | None
    value: bytes | None
    reasons: tuple[str, ...]
    source_topic: str
    source_place: Place
    arrived_at: datetime
    batch: int

    @classmethod
    def of(
        cls,
        place: Place,
        dead_at: datetime,
        key: bytes | None,
        value: bytes | None,
        headers: Mapping[str, bytes],
    ) -> Self:
        """Read a record with the headers that ``dead_letters`` gave it."""
        said = {name: (content or b"").decode("utf-8", "replace") for name, content in headers.items()}
        try:
            return cls(
                place=place,
                dead_at=dead_at,
                key=key,
                value=value,
                reasons=tuple(str(reason) for reason in json.loads(said["reasons"])),
                source_topic=said["source.topic"],
                source_place=Place(int(said["source.partition"]), int(said["source.offset"])),
                arrived_at=datetime.fromisoformat(said["source.timestamp"]).astimezone(UTC),
                batch=int(said["batch"]),
            )
        except (KeyError, ValueError, TypeError, OverflowError):
            # Somebody else has written to the topic. It is shown, and as it is of no topic of ours it is not sent.
            return cls(place, dead_at, key, value, (REASON_FOREIGN,), "", place, dead_at, -1)

    def text(self) -> str:
        r"""The value for a person's eyes: what is no UTF-8 as ``\xNN``; empty for a tombstone."""
        return (self.value or b"").decode("utf-8", "backslashreplace")
