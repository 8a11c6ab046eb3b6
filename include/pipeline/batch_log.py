"""The log: accepted batches in order, and the states that whatever is computed from them starts from.

Live scoring started from the banks' histories, which are kept. A clean parity check keeps the states it ended
with, so that one need not go back to the first batch each time; those too were computed from the log, never
read from the live store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from include.pipeline.bank import BANKS
from include.pipeline.first_model import loaded_before
from include.pipeline.states import read_states, write_states
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, accepted_file, labels_file, partition_key
from include.stores.memory.state import NewestStateStore

#: Folder of the states that clean checks ended with, one file a check.
STATES = "checks/parity-states"


@dataclass(frozen=True, slots=True)
class AcceptedBatch:
    """A batch as scoring got it."""

    number: int
    accepted: pa.Table  # ACCEPTED_SCHEMA
    labels: pa.Table | None  # JOINED_LABEL_SCHEMA, those it was scored with


class BatchLog:
    """The log of a lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def first(self) -> int | None:
        """The oldest accepted batch that is there; None if there is none."""
        there = batch_numbers(self._lake, str(Stage.ACCEPTED))
        return there[0] if there else None

    def starts(self, first: int, until: int) -> list[int]:
        """Batches before which states can start, those from ``first`` to ``until``; 0 is the very beginning."""
        kept = [number for number in self.kept_states() if first <= number <= until]
        return [0, *kept] if first == 0 else kept

    def kept_states(self) -> list[int]:
        """Batches before which there are states of a clean check, in order."""
        return batch_numbers(self._lake, STATES)

    def keep_states(self, before_batch: int, states: NewestStateStore) -> None:
        """Keep the states that a clean check ended with."""
        write_states(self._lake, _states_file(before_batch), states.states)

    def drop_states(self, before_batch: int) -> None:
        """Drop what ``keep_states`` kept."""
        self._lake.delete_file(_states_file(before_batch))

    def states(self, start: int) -> NewestStateStore:
        """States before batch ``start``, one of ``starts``."""
        return NewestStateStore(read_states(self._lake, _states_file(start)) if start else None)

    def batches(self, states: NewestStateStore, start: int, stop: int) -> Iterator[AcceptedBatch]:
        """The batches from ``start`` up to but without ``stop``.

        Before each, the states are added to ``states`` that were loaded for live scoring at that place.
        """
        loaded = self._loaded_states()
        for number in range(start, stop):
            for path in loaded.get(number, ()):
                for kind, of_kind in read_states(self._lake, path).items():
                    states.add_missing(kind, of_kind)
            accepted = self._lake.read_table(accepted_file(number))
            yield AcceptedBatch(number, accepted, labels_of(self._lake, number))

    def _loaded_states(self) -> dict[int, list[str]]:
        """Files with the states of the banks' histories, by the batch they were loaded before, in order."""
        files = []
        for bank in self._lake.names(BANKS):
            path = f"{BANKS}/{bank}/states.parquet"
            if (made := self._lake.modified_at(path)) is not None:
                files.append((loaded_before(self._lake, f"{BANKS}/{bank}") or 0, made, path))
        loaded: dict[int, list[str]] = {}
        for number, _, path in sorted(files):
            loaded.setdefault(number, []).append(path)
        return loaded


def labels_of(lake: Lake, batch: int) -> pa.Table | None:
    """The labels a batch was scored with, which stand beside it; None if there were none."""
    path = labels_file(batch)
    return lake.read_table(path) if lake.exists(path) else None


def batch_numbers(lake: Lake, folder: str) -> list[int]:
    """Numbers of the batches that a folder has something of, in order."""
    return sorted(map(number_of, lake.names(folder)))


def number_of(name: str) -> int:
    """Number of a batch, of the name of its folder or file."""
    return int(name.removeprefix("batch=").removesuffix(".parquet"))


def _states_file(next_batch: int) -> str:
    return f"{STATES}/batch={partition_key(next_batch)}.parquet"
