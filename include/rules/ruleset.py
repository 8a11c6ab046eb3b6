"""A set of checked rules, and its evaluation on an Arrow table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.rules import engine
from include.rules.errors import RuleTableError
from include.rules.reasons import reason_for
from include.rules.rule import Rule, RuleHit

_TABLE = "incoming"

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that were loaded and checked together.

    Attributes
    ----------
    rules
        Most severe first, then by id.
    version
        Twelve hexadecimal digits: a hash over the contents of all rule files, whatever their order.
    schema
        The columns the rules were checked for (``pyarrow.Schema``).
    """

    rules: tuple[Rule, ...]
    version: str
    schema: Any

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that ``evaluate`` reads, sorted."""
        return tuple(sorted({name for rule in self.rules for name in (*rule.columns, *rule.reason_columns)}))

    def evaluate(self, table: Any) -> list[tuple[RuleHit, ...]]:
        """Hits of each row.

        A comparison with an unknown value never hits: NaN and infinity are turned into NULL first
        (DuckDB takes NaN for greater than everything).

        Parameters
        ----------
        table
            ``pyarrow.Table`` of n rows with at least ``self.columns``; others are ignored. It is not changed.

        Returns
        -------
        list
            n tuples in the order of the rows, each most severe hit first.

        Raises
        ------
        RuleTableError
            A column is missing or cannot be read as the type the rules were checked for.
        """
        if not self.rules or table.num_rows == 0:
            return [()] * table.num_rows
        needed = self._needed(table)
        hits: list[list[RuleHit]] = [[] for _ in range(table.num_rows)]
        for rule, mask in zip(self.rules, self._masks(needed), strict=True):
            rows = np.flatnonzero(mask)
            if rows.size == 0:
                continue
            names = tuple(dict.fromkeys((*rule.columns, *rule.reason_columns)))
            evidence = needed.select(names).take(pa.array(rows)).to_pylist()
            for row, values in zip(rows.tolist(), evidence, strict=True):
                reason = reason_for(rule, values)
                hits[row].append(RuleHit(rule.rule_id, rule.severity, rule.typology, rule.action, reason))
        return [tuple(found) for found in hits]

    def _needed(self, table: Any) -> Any:
        """The columns the rules read, in the types they were checked for, unknown values as null."""
        present = set(table.column_names)
        missing = [name for name in self.columns if name not in present]
        if missing:
            raise RuleTableError(
                f"expected the columns {', '.join(self.columns)}, but {', '.join(missing)} did not come; "
                "hand over the transactions with their features joined"
            )
        schema = pa.schema([self.schema.field(name) for name in self.columns])
        try:
            cast = table.select(list(self.columns)).cast(schema)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise RuleTableError(
                f"expected the column types the rules were checked for, got others ({error}); "
                "cast the table to the transaction schema and features to float64"
            ) from error
        return pa.table([_known_only(column) for column in cast.columns], schema=schema)

    def _masks(self, table: Any) -> list[Mask]:
        connection = engine.connection()
        connection.register(_TABLE, table)
        try:
            try:
                return _select(connection, [rule.sql for rule in self.rules])
            except duckdb.Error:
                # One row on which one rule's arithmetic overflows must not stop the batch. TRY gives NULL on
                # such rows, at a cost, so it is used for nothing but this case.
                return _select(connection, [f"TRY({rule.sql})" for rule in self.rules])
        finally:
            connection.unregister(_TABLE)


def _select(connection: Any, expressions: list[str]) -> list[Mask]:
    """For each expression a boolean array of shape (n,); unknown counts as no hit."""
    conditions = ", ".join(
        f"({expression}) AS rule_{number}" for number, expression in enumerate(expressions)
    )
    # Nothing here comes from outside: the expressions were rebuilt from checked trees by the loader.
    found = connection.execute(f"SELECT {conditions} FROM {_TABLE}").fetchnumpy()  # noqa: S608
    return [np.ma.filled(found[f"rule_{number}"], False) for number in range(len(expressions))]


def _known_only(column: Any) -> Any:
    """The column with NaN and infinity turned into null."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_finite(column), column, None)
