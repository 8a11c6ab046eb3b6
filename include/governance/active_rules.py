"""The rules in force, as scoring asks them: lists and shares included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from include.governance.lists import ListBook
from include.governance.shares import in_share
from include.rules.columns import LIST_COLUMNS
from include.rules.rule import RuleHit
from include.rules.ruleset import RuleSet


@dataclass(frozen=True, slots=True)
class StagedRules:
    """The rules of one stage: the checked set, and the shares of those that are not in force for everybody."""

    rules: RuleSet
    shares: Mapping[str, float]  # rule id → share, below 1 only

    def evaluate(self, table: Any, lists: ListBook, number: int) -> list[tuple[RuleHit, ...]]:
        """Hits of each row; the list columns that the rules name are put in place here."""
        wanted = [name for name in LIST_COLUMNS if name in set(self.rules.columns)]
        if wanted:
            # A column of that name that came along is not trusted: lists have one source.
            table = table.drop_columns([name for name in wanted if name in table.column_names])
            for name, values in lists.columns(table, number, wanted).items():
                table = table.append_column(name, pa.array(values))
        hits = self.rules.evaluate(table)
        limited = {hit.rule_id for found in hits for hit in found} & self.shares.keys()
        if not limited:
            return hits
        accounts = table["account_id"]
        inside = {rule_id: in_share(accounts, self.shares[rule_id], rule_id) for rule_id in limited}
        return [
            tuple(hit for hit in found if hit.rule_id not in inside or inside[hit.rule_id][row])
            for row, found in enumerate(hits)
        ]


@dataclass(frozen=True, slots=True)
class ActiveRules:
    """A set of rules and the lists it sees. Plain data: it can be pickled to a worker.

    Attributes
    ----------
    version
        Of the set; every decision names it.
    lists
        Number of list changes it sees.
    live, shadow
        Rules whose hits decide, and rules whose hits are counted only.
    """

    version: str
    lists: int
    live: StagedRules
    shadow: StagedRules
    list_book: ListBook

    def evaluate(self, table: Any) -> list[tuple[RuleHit, ...]]:
        """Hits of the live rules on each row; see ``include.rules.ruleset.RuleSet.evaluate``.

        Parameters
        ----------
        table
            Transactions joined with their features; not changed, the list columns are added here.
        """
        return self.live.evaluate(table, self.list_book, self.lists)

    def shadow_evaluate(self, table: Any) -> list[tuple[RuleHit, ...]]:
        """Hits that the rules in the shadow stage would have had on each row; they decide nothing."""
        return self.shadow.evaluate(table, self.list_book, self.lists)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns both stages read, the lists' own left out, sorted."""
        return tuple(sorted({*self.live.rules.columns, *self.shadow.rules.columns} - set(LIST_COLUMNS)))
