"""Quality of rules and models in a report: out of what ``include.pipeline.rule_quality`` has counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date

from include.pipeline.rule_quality import model_quality, rule_quality
from include.reports.figures import ModelFigures, RuleFigures
from include.stores.lake.files import Lake

_MODEL_COUNTS = (
    "transactions", "alerts", "reviews", "fraud", "legitimate", "alerted_fraud", "alerted_legitimate",
)  # fmt: skip


def rules_over(lake: Lake, since: date, until: date) -> tuple[RuleFigures, ...]:
    """Every rule that hit on the UTC days [since, until), most hits first."""
    return tuple(
        RuleFigures(
            rule_id=one.rule_id, hits=one.hits, alone=one.alone, fraud=one.fraud, legitimate=one.legitimate
        )
        for one in rule_quality(lake, since, until)
    )


def models_over(lake: Lake, since: date, until: date) -> tuple[ModelFigures, ...]:
    """Every version that decided on those days, all days together, by version."""
    total: dict[str, Counter[str]] = defaultdict(Counter)
    for one in model_quality(lake, since, until):
        total[one.model_version].update({name: getattr(one, name) for name in _MODEL_COUNTS})
    return tuple(
        ModelFigures(model_version=version, **{name: counts[name] for name in _MODEL_COUNTS})
        for version, counts in sorted(total.items())
    )
