"""Which batch has been through which stage: a manifest a batch and stage, and a cursor a stage.

A cursor moves only after everything of the batch has been written, so work that was cut off is done
again, and doing it again changes nothing. An Airflow event is only a wake-up: what is due is read
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from include.stores.lake.files import Lake
from include.stores.lake.work import Work, added, observed

#: What the manifest of a replay keeps of the first time.
_FIRST = ("began_at", "completed_at", "by", "measures")


class Stage(StrEnum):
    """What happens to a batch, in order; alerting and loading both follow scoring."""

    ACCEPTED = "accepted"
    SCORED = "scored"
    ALERTED = "alerted"
    STORED = "stored"

    @property
    def before(self) -> Stage | None:
        """The stage whose batches this one works on."""
        return {
            Stage.ACCEPTED: None,
            Stage.SCORED: Stage.ACCEPTED,
            Stage.ALERTED: Stage.SCORED,
            Stage.STORED: Stage.SCORED,
        }[self]


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a stage has come.

    Attributes
    ----------
    next_batch
        Number of the first batch the stage has not done.
    totals
        Sums of the manifests' counts over all batches done.
    positions
        What a stage has to remember from its last batch, e.g. the end offsets read.
    tallies, histograms
        What was measured of all batches done, see ``include.stores.lake.work``; each batch once.
    """

    next_batch: int = 0
    totals: Mapping[str, int] = field(default_factory=dict)
    positions: Mapping[str, Any] = field(default_factory=dict)
    tallies: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    histograms: Mapping[str, Any] = field(default_factory=dict)


def partition_key(batch: int) -> str:
    """Airflow's partition key of a batch: ten digits, so that text sorts as numbers do."""
    return f"{batch:010d}"


def batch_folder(stage: str, batch: int) -> str:
    """Folder of a batch's output."""
    return f"{stage}/batch={partition_key(batch)}"


def accepted_file(batch: int) -> str:
    """Path of a batch's transactions."""
    return f"{batch_folder(Stage.ACCEPTED, batch)}/data.parquet"


def scored_file(batch: int) -> str:
    """Path of a batch's decisions."""
    return f"{batch_folder(Stage.SCORED, batch)}/data.parquet"


def labels_file(batch: int) -> str:
    """Path of the verdicts a batch was scored with; not every batch has some."""
    return f"{batch_folder(Stage.SCORED, batch)}/labels.parquet"


class BatchLedger:
    """Manifests and cursors in the lake.

    Parameters
    ----------
    by
        Who works, for the manifests: run, DAG. Nothing depends on it.
    """

    def __init__(self, lake: Lake, by: Mapping[str, str] | None = None) -> None:
        self._lake = lake
        self._by = dict(by or {})

    def cursor(self, stage: str) -> Cursor:
        """How far a stage has come."""
        document = self._lake.read_json(f"cursors/{stage}.json")
        return Cursor(**document) if document else Cursor()

    def processed_offsets(self, stage: str = Stage.ACCEPTED) -> dict[int, int]:
        """End offset, by Kafka partition, of what has been taken into batches."""
        positions = self.cursor(stage).positions.get("offsets", {})
        return {int(partition): end for partition, end in positions.items()}

    def due(self, stage: Stage) -> range:
        """Batches the stage before has finished and this one has not."""
        if stage.before is None:
            raise ValueError(f"{stage} has no stage before it; ask the stream's checkpoint")
        return range(self.cursor(stage).next_batch, self.cursor(stage.before).next_batch)

    def manifest(self, stage: str, batch: int) -> dict[str, Any] | None:
        """What a stage recorded of a batch, or None if it has not done it."""
        document = self._lake.read_json(f"{batch_folder(stage, batch)}/manifest.json")
        return dict(document) if document else None

    def arrived_at(self, batch: int) -> datetime | None:
        """When the broker got the oldest record of an accepted batch; None where the manifest does not say."""
        said = (self.manifest(Stage.ACCEPTED, batch) or {}).get("arrived_at")
        return datetime.fromisoformat(said) if said else None

    def complete(
        self,
        stage: str,
        batch: int,
        counts: Mapping[str, int],
        positions: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        work: Work | None = None,
    ) -> None:
        """Record a batch as done, after all of its output has been written.

        Idempotent: the manifest is replaced (that of a replay says when the batch was first done), and totals,
        tallies and histograms move only with the cursor, which moves only for the batch it points at.

        Raises
        ------
        ValueError
            When a batch before this one has not been done: batches go in order.
        """
        cursor = self.cursor(stage)
        if batch > cursor.next_batch:
            raise ValueError(
                f"{stage}: expected batch {cursor.next_batch} next, got {batch}; do that one first"
            )
        now = datetime.now(UTC)
        measures = work.measured(now) if work else {}
        manifest: dict[str, Any] = {
            "batch": batch,
            "counts": dict(counts),
            "positions": positions or {},
            "completed_at": now.isoformat(),
            **(facts or {}),
        }
        if self._by:
            manifest["by"] = self._by
        if work is not None:
            manifest |= {"began_at": work.began_at.isoformat(), "measures": measures, "tallies": work.tallies}
        replayed = batch < cursor.next_batch
        if replayed and (before := self.manifest(stage, batch)):
            first = {name: before[name] for name in _FIRST if name in before}
            manifest["first"] = before.get("first") or first
        self._lake.write_json(f"{batch_folder(stage, batch)}/manifest.json", manifest)
        if replayed:
            return
        totals = {name: cursor.totals.get(name, 0) + count for name, count in counts.items()}
        self._lake.write_json(
            f"cursors/{stage}.json",
            {
                "next_batch": batch + 1,
                "totals": {**cursor.totals, **totals},
                "positions": positions or {},
                "tallies": added(cursor.tallies, work.tallies if work else {}),
                "histograms": observed(
                    cursor.histograms,
                    {name: (value,) for name, value in measures.items()}
                    | (dict(work.distributions) if work else {}),
                ),
            },
        )
