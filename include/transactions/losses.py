"""What a consumer can never read any more: records that retention, a deletion or a truncation took before it came.

Pure arithmetic over offsets; who finds something lost counts it, tells of it, and goes on where the topic goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a topic begins and ends, by partition.

    Attributes
    ----------
    identity
        The topic's id: another one if it was deleted and made again under its name.
    beginnings
        Offset of the oldest record there is; where a partition is empty, its end.
    ends
        Offset of the next record.
    """

    identity: str
    beginnings: Mapping[int, int]
    ends: Mapping[int, int]

    @property
    def readable_ends(self) -> dict[int, int]:
        """End of each partition that holds something; 0 for an empty one, even if retention has moved its end."""
        return {
            partition: end if end > self.beginnings[partition] else 0 for partition, end in self.ends.items()
        }


@dataclass(frozen=True, slots=True)
class Lost:
    """Offsets first <= offset < until of a partition that nobody processed and nobody can."""

    partition: int
    first: int
    until: int
    why: str

    @property
    def count(self) -> int:
        """How many offsets. Of a topic without transactions and compaction, as many records."""
        return self.until - self.first

    def __str__(self) -> str:
        return f"partition {self.partition}: offsets {self.first} to {self.until - 1} ({self.why})"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a consumer stands to a topic.

    Attributes
    ----------
    resume
        Where to go on, by partition; partitions it has never read from are not in it.
    moved
        Whether ``resume`` is another place than the one it had come to.
    """

    resume: Mapping[int, int]
    lost: tuple[Lost, ...] = ()
    moved: bool = False

    @property
    def count(self) -> int:
        """Offsets lost, over all partitions."""
        return sum(one.count for one in self.lost)

    def facts(self) -> dict[str, Any]:
        """As a manifest has it."""
        return {"lost": [asdict(one) for one in self.lost]}


@dataclass(frozen=True, slots=True)
class Known:
    """What was last known of a topic.

    Attributes
    ----------
    identity
        Id of the topic that was processed; None before the first batch.
    ends
        Where it was last seen to end, for a topic that does not exist any more can no longer be asked.
    """

    identity: str | None = None
    ends: Mapping[int, int] = field(default_factory=dict)


RETENTION = "deleted from the topic before they were processed"
RECREATED = "the topic was deleted and made again; this is how far it was last seen to reach"
TRUNCATED = "the brokers have cut them off; this is how far the topic was last seen to reach"


def standing(processed: Mapping[int, int], extent: Extent, known: Known | None = None) -> Standing:
    """Compare how far a consumer has come with what a topic still has.

    A partition that was never read from begins where the topic begins: what was deleted before that was never
    promised to anybody.

    Parameters
    ----------
    processed
        First offset, by partition, that has not been processed.
    known
        What was known before; nothing by default.
    """
    known = known or Known()
    recreated = known.identity is not None and known.identity != extent.identity
    lost: list[Lost] = []
    resume: dict[int, int] = {}
    for partition, reached in sorted(processed.items()):
        seen = known.ends.get(partition, 0)
        end = extent.ends.get(partition)
        if recreated or end is None:
            if seen > reached:
                lost.append(Lost(partition, reached, seen, RECREATED))
            if end is not None:
                resume[partition] = extent.beginnings[partition]
            continue
        if end < reached:
            if seen > reached:
                lost.append(Lost(partition, reached, seen, TRUNCATED))
            resume[partition] = end
            continue
        begins = extent.beginnings[partition]
        if begins > reached:
            lost.append(Lost(partition, reached, begins, RETENTION))
        resume[partition] = max(reached, begins)
    return Standing(resume, tuple(lost), moved=resume != dict(processed))
