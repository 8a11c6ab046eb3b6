"""Entries of the lists: what stands on which list, from when until when, and what that says of transactions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from include.rules.columns import LIST_NAMES, LIST_SUBJECTS

_FOREVER = np.iinfo(np.int64).max

#: The entries as they are held: times in microseconds since 1970.
ENTRIES_SCHEMA = pa.schema(
    [
        pa.field("column", pa.string()),  # the column of a rule they decide, e.g. account_is_blocked
        pa.field("value", pa.string()),
        pa.field("begins", pa.int64()),
        pa.field("ends", pa.int64()),
    ]
)


class ListName(StrEnum):
    """What a list says of those on it."""

    BLOCKED = "BLOCKED"
    TRUSTED = "TRUSTED"


class Subject(StrEnum):
    """What can stand on a list."""

    ACCOUNT = "ACCOUNT"
    COUNTERPARTY = "COUNTERPARTY"
    COUNTRY = "COUNTRY"
    DEVICE = "DEVICE"


class Kind(StrEnum):
    """What a change does."""

    ADD = "ADD"
    END = "END"


class ListEntry(BaseModel):
    """One line of a change: something is put on a list, or taken off it.

    Attributes
    ----------
    valid_from
        First moment of an ADD; meaningless for an END.
    valid_until
        First moment at which it does not hold any more; None: until an END comes. For an END the moment from
        which on nothing that was put on before holds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Kind.ADD
    list: ListName
    subject: Subject
    value: str = Field(min_length=1, max_length=64)
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None
    reason: str = Field(min_length=1, max_length=4_000)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.kind is Kind.END and self.valid_until is None:
            raise ValueError("expected valid_until, the moment from which on it does not hold; add it")
        if self.kind is Kind.ADD and self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError(
                f"expected valid_until after valid_from, got {self.valid_until} and {self.valid_from}; "
                "to take something off a list use the kind END"
            )
        if self.subject is Subject.COUNTRY and self.value != self.value.upper():
            raise ValueError(f"expected a country as ISO 3166 has it, got {self.value!r}; use capitals")
        return self

    @property
    def column(self) -> str:
        """The column it decides."""
        return f"{self.subject.lower()}_is_{self.list.lower()}"


def parse_time(text: str | datetime) -> datetime:
    """A moment with its time zone; UTC where the text has none."""
    moment = datetime.fromisoformat(text) if isinstance(text, str) else text
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Entries:
    """All entries as of a number of changes. Immutable; fast to ask and fast to load, whatever their number."""

    def __init__(self, table: Any = None) -> None:
        self.table = ENTRIES_SCHEMA.empty_table() if table is None else table
        columns = self.table["column"]
        self._by_column = {
            name: self.table.filter(pc.equal(columns, name)).combine_chunks()
            for name in columns.unique().to_pylist()
        }

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def changed(self, entries: Iterable[ListEntry]) -> Entries:
        """These entries after a change, whose lines count in their order."""
        table = self.table
        for kind, lines in groupby(entries, key=lambda entry: entry.kind):
            apply = _with_added if kind is Kind.ADD else _with_ended
            table = apply(table, list(lines))
        return Entries(table)

    def column(self, name: str, values: Any, occurred_at: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """1.0 where a value was on the list at its time, else 0.0.

        Parameters
        ----------
        name
            One of ``include.rules.columns.LIST_COLUMNS``.
        values
            ``pyarrow`` array of strings, shape (n,), nulls allowed.
        occurred_at
            Shape (n,), microseconds since 1970.
        """
        found = np.zeros(len(occurred_at))
        entries = self._by_column.get(name)
        if entries is None or len(found) == 0:
            return found
        encoded = pc.dictionary_encode(values)
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        if isinstance(encoded, pa.ChunkedArray):  # combine_chunks of several dictionaries
            encoded = pa.concat_arrays(encoded.chunks)
        # Entries are looked up among the batch's values, not the reverse: no index over all entries is needed.
        near = entries.filter(pc.is_in(entries["value"], value_set=encoded.dictionary))
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        code_of = {value: code for code, value in enumerate(encoded.dictionary.to_pylist())}
        for value, begins, ends in zip(*(near[name].to_pylist() for name in _VALIDITY), strict=True):
            at = codes == code_of[value]
            found[at & (occurred_at >= begins) & (occurred_at < ends)] = 1.0
        return found


_VALIDITY = ("value", "begins", "ends")


def list_columns(entries: Entries, table: Any, names: Sequence[str]) -> dict[str, npt.NDArray[np.float64]]:
    """The list columns of a table of transactions, each valid at its row's ``occurred_at``."""
    moments = table["occurred_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    columns = {
        f"{subject}_is_{name}": column for name in LIST_NAMES for subject, column in LIST_SUBJECTS.items()
    }
    return {name: entries.column(name, table[columns[name]], moments) for name in names}


def _with_added(table: Any, entries: Sequence[ListEntry]) -> Any:
    added = pa.table(
        [
            [entry.column for entry in entries],
            [entry.value for entry in entries],
            [_micros(entry.valid_from) for entry in entries],
            [_FOREVER if entry.valid_until is None else _micros(entry.valid_until) for entry in entries],
        ],
        schema=ENTRIES_SCHEMA,
    )
    return pa.concat_tables([table, added])


def _with_ended(table: Any, entries: Sequence[ListEntry]) -> Any:
    moments: dict[tuple[str, str], int] = {}
    for entry in entries:
        key, moment = (entry.column, entry.value), _micros(entry.valid_until or entry.valid_from)
        moments[key] = min(moment, moments.get(key, moment))
    ends = table["ends"].to_numpy().copy()
    values = pa.array([value for _, value in moments], pa.string())
    candidates = np.flatnonzero(pc.is_in(table["value"], value_set=values).to_numpy())
    names = table["column"].take(pa.array(candidates)).to_pylist()
    subjects = table["value"].take(pa.array(candidates)).to_pylist()
    for row, key in zip(candidates.tolist(), zip(names, subjects, strict=True), strict=True):
        ends[row] = min(int(ends[row]), moments.get(key, _FOREVER))
    ended = table.set_column(3, ENTRIES_SCHEMA.field("ends"), pa.array(ends))
    # What has ended before it began never held.
    return ended.filter(pc.greater(ended["ends"], ended["begins"]))


def _micros(moment: datetime) -> int:
    whole = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86_400 + whole.seconds) * 1_000_000 + whole.microseconds
