"""The list book: blocked and trusted accounts, counterparties, countries and devices, with their history.

::

    lists/changes/<number>.json        what was added or ended, by whom and why; never changed
    lists/snapshots/<number>.parquet   all entries after that change, made from the changes, to load them fast

Changes are numbered from 1 without gaps. A batch remembers how many it saw, so a replay sees the same. A change that
cannot be read stops the counting, not the scoring: later changes wait until it is mended, and ``problems`` says so.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from include.governance.errors import ListError
from include.governance.list_entries import Entries, ListEntry, list_columns
from include.rules.columns import LIST_COLUMNS
from include.stores.lake.files import Lake

CHANGES = "lists/changes"
SNAPSHOTS = "lists/snapshots"

#: A snapshot is made after so many changes, or one of so many entries.
_CHANGES_PER_SNAPSHOT = 20
_ENTRIES_PER_SNAPSHOT = 1_000
#: So many changes behind, a process begins anew from the newest snapshot.
_FAR = _CHANGES_PER_SNAPSHOT
#: How many states are kept for replays.
_HELD = 8

log = logging.getLogger(__name__)


class ListChange(BaseModel):
    """One change: entries added or ended together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    author: str = Field(min_length=1)
    changed_at: AwareDatetime
    key: str = ""  # names the wish it came from, e.g. a run
    entries: tuple[ListEntry, ...] = Field(min_length=1)


class ListBook:
    """The lists of a lake. One object a process: it keeps what it has read.

    There is one writer at a time (Airflow's pool ``govern``).
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._number = -1  # how many changes have been read; -1: not looked yet
        self._held: dict[int, Entries] = {}
        self._problem: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Travel to a worker without what has been read."""
        return {"_lake": self._lake, "_number": -1, "_held": {}, "_problem": None}

    @property
    def problems(self) -> tuple[str, ...]:
        """Why not all changes are seen; empty when all is well."""
        return (self._problem,) if self._problem else ()

    def current_number(self) -> int:
        """How many changes are in force: all of them, or those before the first that cannot be read.

        Looks for one file when nothing changed. Never raises.
        """
        try:
            if self._number < 0:
                self._number, entries = self._start(None)
                self._held[self._number] = entries
            if self._lake.exists(_path(self._number + _FAR)):
                # A process that was forked long ago: what was summed up since is faster than change by change.
                number, entries = self._start(None)
                if number > self._number:
                    self._number = number
                    self._hold(number, entries)
            while self._lake.exists(_path(self._number + 1)):
                entries = self.at(self._number).changed(self.change(self._number + 1).entries)
                self._number += 1
                self._hold(self._number, entries)
            self._problem = None
        except (ListError, OSError) as error:
            if self._problem is None:
                log.error("the lists go on as of change %s: %s", max(self._number, 0), error)
            self._problem = str(error)
        return max(self._number, 0)

    def change(self, number: int) -> ListChange:
        """One change.

        Raises
        ------
        ListError
            It is not there, or not as it was written.
        """
        try:
            found = ListChange.model_validate_json(self._lake.read_bytes(_path(number)))
        except FileNotFoundError as error:
            raise ListError(
                f"expected change {number} of the lists at {_path(number)}, found none; put the file back"
            ) from error
        except (ValidationError, ValueError) as error:
            raise ListError(
                f"expected change {number} of the lists at {_path(number)} as it was written, got {error}; "
                "put the file back as it was, and later changes count again"
            ) from error
        if found.number != number:
            raise ListError(
                f"expected change {number} at {_path(number)}, got change {found.number}; put the files back"
            )
        return found

    def at(self, number: int) -> Entries:
        """All entries after ``number`` changes.

        Raises
        ------
        ListError
            One of the changes cannot be read.
        """
        if number not in self._held:
            start, entries = self._start(number)
            for n in range(start + 1, number + 1):
                entries = entries.changed(self.change(n).entries)
            self._hold(number, entries)
        return self._held[number]

    def columns(
        self, table: Any, number: int, names: Sequence[str] = LIST_COLUMNS
    ) -> dict[str, npt.NDArray[np.float64]]:
        """The list columns of a table of transactions, after ``number`` changes.

        Parameters
        ----------
        table
            ``pyarrow.Table`` of n rows with ``occurred_at`` and the columns the lists are about.
        number
            How many changes count.
        names
            Which columns, of ``include.rules.columns.LIST_COLUMNS``.

        Returns
        -------
        dict
            Name → float64 of shape (n,): 1.0 where it was on the list when the transaction took place.
        """
        return list_columns(self.at(number), table, names)

    def append(
        self, author: str, entries: Sequence[ListEntry], changed_at: datetime | None = None, key: str = ""
    ) -> int:
        """Add a change; returns its number. It counts from the next batch on.

        Parameters
        ----------
        key
            Names the wish, e.g. a run's id: a change whose key was used before is not made again, which is
            what makes a retry harmless.

        Raises
        ------
        ListError
            An earlier change cannot be read, so that this one would not count.
        """
        last = self.current_number()
        if self._problem:
            raise ListError(self._problem)
        done = self._lake.read_json(_key_path(key)) if key else None
        if done and done["number"] <= last and self.change(done["number"]).key == key:
            return int(done["number"])
        number = last + 1
        change = ListChange(
            number=number,
            author=author,
            changed_at=changed_at or datetime.now(UTC),
            key=key,
            entries=tuple(entries),
        )
        if key:  # before the change, which names the key too: a try that breaks off in between did nothing
            self._lake.write_json(_key_path(key), {"number": number})
        self._lake.write_bytes(_path(number), change.model_dump_json(indent=1).encode())
        self.current_number()
        if len(entries) >= _ENTRIES_PER_SNAPSHOT or number % _CHANGES_PER_SNAPSHOT == 0:
            self._lake.write_table(f"{SNAPSHOTS}/{number:08d}.parquet", self.at(number).table)
        return number

    def _start(self, wanted: int | None) -> tuple[int, Entries]:
        """The newest snapshot that can be read and is not newer than wanted; nothing, if there is none."""
        numbers = [
            int(name[:-8])
            for name in self._lake.names(SNAPSHOTS)
            if name.endswith(".parquet") and name[:-8].isdigit()
        ]
        for number in sorted(numbers, reverse=True):
            if wanted is None or number <= wanted:
                try:
                    return number, Entries(self._lake.read_table(f"{SNAPSHOTS}/{number:08d}.parquet"))
                except (pa.ArrowInvalid, OSError) as error:
                    log.warning(
                        "snapshot %s of the lists is left out, the changes are read: %s", number, error
                    )
        return 0, Entries()

    def _hold(self, number: int, entries: Entries) -> None:
        self._held[number] = entries
        for old in [n for n in list(self._held)[:-_HELD] if n != self._number]:
            del self._held[old]


def _path(number: int) -> str:
    return f"{CHANGES}/{number:08d}.json"


def _key_path(key: str) -> str:
    return f"lists/keys/{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
