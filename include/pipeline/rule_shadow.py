"""What a rule did in its shadow stage, counted from the batches that were scored meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from include.governance.rule_life import LifeStep
from include.pipeline.backtest_replay import Order, Replay
from include.pipeline.label_verdicts import labels_known
from include.stores.lake.files import Lake


@dataclass(frozen=True, slots=True)
class ShadowFigures:
    """What a rule would have done.

    Attributes
    ----------
    batches, rows
        That were scored with it in the shadow.
    hits, alone
        Rows it hits, and those of them that no live rule hits.
    alerts_live, alerts_with_it
        Alerts without and with it.
    """

    batches: int
    rows: int
    hits: int
    alone: int
    alerts_live: int
    alerts_with_it: int

    def words(self) -> str:
        """In a line."""
        if not self.batches:
            return "no batch was scored with it in the shadow"
        return (
            f"{self.batches:,} batches, {self.rows:,} transactions; {self.hits:,} hits, {self.alone:,} of them "
            f"where no live rule hit; {self.alerts_with_it:,} alerts in the place of {self.alerts_live:,}"
        )


def shadow_figures(lake: Lake, draft: LifeStep, batches: Sequence[int]) -> ShadowFigures:
    """Count what a draft would have done in batches that were scored with it in the shadow."""
    order = Order(rule_id=draft.rule_id, text=draft.text, share=draft.share)
    counts = Replay(lake, order, labels_known(lake, datetime.now(UTC))).count(batches)
    return ShadowFigures(
        len(batches),
        counts["rows",],
        counts["rule", draft.rule_id, "hits"],
        counts["rule", draft.rule_id, "alone"],
        counts["alerts", "before", "all"],
        counts["alerts", "after", "all"],
    )
