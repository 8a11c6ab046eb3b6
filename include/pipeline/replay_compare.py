"""Compares a decision's stored row with the recomputed one: same values, to the byte."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from include.transactions.schema import ACCEPTED_SCHEMA

#: Columns of each part in the order of their making; what is in none belongs to the versions.
_PARTS = {
    "transaction": tuple(ACCEPTED_SCHEMA.names),
    "features": ("features",),
    "rule hits": ("rule_hits",),
    "model outputs": (
        "score",
        "score_gradient_boosting",
        "score_isolation_forest",
        "score_one_class_svm",
        "score_peer_clusters",
    ),
    "decision": ("decision", "severity", "typology"),
    "reasons": ("reasons", "contributions"),
}
VERSIONS = "versions"

#: Stands for a value that one side does not have.
ABSENT = "(absent)"


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not what it was."""

    field: str
    stored: Any
    recomputed: Any

    def __str__(self) -> str:
        return f"{self.field}: stored {self.stored!r}, recomputed {self.recomputed!r}"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a decision."""

    name: str
    values: int
    differences: tuple[Difference, ...]

    @property
    def same(self) -> bool:
        """Whether every value is what it was."""
        return not self.differences


def compare_rows(stored: pa.Table, transaction_id: str, recomputed: pa.Table) -> tuple[Part, ...]:
    """Compare the stored row of a transaction with the recomputed one, part by part.

    Parameters
    ----------
    stored
        A scored batch.
    recomputed
        Rows of the same transaction, usually one.
    """
    mine = stored.filter(pc.equal(stored["transaction_id"], transaction_id))
    if mine.num_rows != 1 or recomputed.num_rows != 1:
        rows = Difference("rows with this id", mine.num_rows, recomputed.num_rows)
        return (Part("row", 1, (rows,)),)
    names = dict.fromkeys([*mine.column_names, *recomputed.column_names])
    columns = {part: [name for name in of_part if name in names] for part, of_part in _PARTS.items()}
    known = {name for of_part in columns.values() for name in of_part}
    columns[VERSIONS] = [name for name in names if name not in known]
    parts = []
    for part, of_part in columns.items():
        pairs = [pair for name in of_part for pair in _values(mine, recomputed, name)]
        differing = tuple(Difference(*pair) for pair in pairs if not _same(*pair[1:]))
        parts.append(Part(part, len(pairs), differing))
    return tuple(parts)


def _values(stored: pa.Table, recomputed: pa.Table, name: str) -> Iterator[tuple[str, Any, Any]]:
    """Name and both values of a column, of each field of a struct."""
    was, now = (_value(table, name) for table in (stored, recomputed))
    if isinstance(was, dict) and isinstance(now, dict):
        for field in dict.fromkeys([*was, *now]):
            yield field, was.get(field, ABSENT), now.get(field, ABSENT)
        return
    yield name, was, now
    if ABSENT not in (was, now) and stored[name].type != recomputed[name].type:
        yield f"type of {name}", str(stored[name].type), str(recomputed[name].type)


def _value(table: pa.Table, name: str) -> Any:
    return table[name][0].as_py() if name in table.column_names else ABSENT


def _same(stored: Any, recomputed: Any) -> bool:
    """Whether two values are the same: floats bit for bit, any NaN as good as another, decimals with their scale."""
    if type(stored) is not type(recomputed):
        return False
    if isinstance(stored, float):
        if math.isnan(stored):
            return math.isnan(recomputed)
        return struct.pack("<d", stored) == struct.pack("<d", recomputed)
    if isinstance(stored, Decimal):
        return bool(stored.as_tuple() == recomputed.as_tuple())
    if isinstance(stored, list):
        return len(stored) == len(recomputed) and all(map(_same, stored, recomputed))
    return bool(stored == recomputed)
