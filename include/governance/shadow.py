"""The shadow stage: what rules would have hit, counted batch by batch while others decide.

Scoring writes ``shadow_counts`` of a batch into its manifest, under ``shadow``; here the manifests are added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from include.governance.errors import RuleBookError
from include.governance.rule_book import RuleBook
from include.governance.rule_entry import Stage
from include.rules.rule import RuleHit
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger
from include.stores.lake.ledger import Stage as BatchStage


class ShadowRules(Protocol):
    """Rules with a shadow stage; ``include.governance.active_rules`` has them."""

    def shadow_evaluate(self, table: Any) -> list[tuple[RuleHit, ...]]:
        """Hits each row would have had."""
        ...


@dataclass(frozen=True, slots=True)
class ShadowFigures:
    """What a rule did in its shadow stage.

    Attributes
    ----------
    batches, rows
        That were scored with it in the shadow.
    hits, alone
        Rows it hit, and those of them that no live rule hit; None: scoring did not count them.
    """

    batches: int = 0
    rows: int = 0
    hits: int | None = None
    alone: int | None = None

    def words(self) -> str:
        """In a line."""
        if not self.batches:
            return "no batch was scored with it in the shadow"
        seen = f"{self.batches:,} batches, {self.rows:,} transactions"
        if self.hits is None:
            return f"{seen}; hits were not counted"
        return f"{seen}; {self.hits:,} hits, {self.alone or 0:,} of them where no live rule hit"


def shadow_counts(
    rules: ShadowRules, table: Any, live_hits: Sequence[Sequence[Any]]
) -> dict[str, dict[str, int]]:
    """Hits of each shadow rule on a batch, for its manifest; rules without a hit are left out.

    Parameters
    ----------
    table
        Transactions joined with their features, as for ``evaluate``.
    live_hits
        The live hits of each row.
    """
    counts: dict[str, dict[str, int]] = {}
    for found, live in zip(rules.shadow_evaluate(table), live_hits, strict=True):
        for hit in found:
            of_rule = counts.setdefault(hit.rule_id, {"hits": 0, "alone": 0})
            of_rule["hits"] += 1
            of_rule["alone"] += not live
    return counts


def shadow_figures(lake: Lake, book: RuleBook, rule_id: str, text: str, first_batch: int) -> ShadowFigures:
    """What a rule did in the shadow, from a batch on.

    Parameters
    ----------
    text
        Of the draft: batches scored with an older draft of the rule do not count.
    first_batch
        The first that could have seen it.
    """
    ledger = BatchLedger(lake)
    with_it: dict[str, bool] = {}
    batches = rows = 0
    counted: list[Mapping[str, int]] = []
    for batch in range(first_batch, ledger.cursor(BatchStage.SCORED).next_batch):
        manifest = ledger.manifest(BatchStage.SCORED, batch) or {}
        version = str(manifest.get("ruleset") or "")
        if version not in with_it:
            with_it[version] = _has(book, version, rule_id, text)
        if with_it[version]:
            batches += 1
            rows += int(manifest["counts"]["scored"])
            if "shadow" in manifest:
                counted.append(manifest["shadow"].get(rule_id, {}))
    if not counted:
        return ShadowFigures(batches, rows)
    return ShadowFigures(
        batches,
        rows,
        sum(found.get("hits", 0) for found in counted),
        sum(found.get("alone", 0) for found in counted),
    )


def _has(book: RuleBook, version: str, rule_id: str, text: str) -> bool:
    try:
        entries = book.document(version).entries if version else ()
    except RuleBookError:
        return False
    wanted = (rule_id, Stage.SHADOW, text)
    return any((entry.rule_id, entry.stage, entry.text) == wanted for entry in entries)
