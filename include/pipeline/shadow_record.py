"""What rules in the shadow have done so far, kept up while they are there, so that a page need not replay anything.

::

    quality/shadow/<rule_id>.json    figures of the newest change of the rule, and up to which batch they go
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from include.governance.errors import RuleBookError
from include.governance.rule_book import RuleBook
from include.governance.rule_entry import Stage
from include.governance.rule_life import LifeStep, RuleLife, Step
from include.governance.shadow import shadow_batches
from include.pipeline.quality_days import FOLDER
from include.pipeline.rule_shadow import ShadowFigures, shadow_figures
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger
from include.stores.lake.ledger import Stage as BatchStage

#: Batches that are replayed in one go.
_BATCHES = 500


class ShadowRecord(BaseModel):
    """Figures of a rule in the shadow.

    Attributes
    ----------
    change
        The change they are of; another one begins anew.
    next_batch
        Batches before this one are counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    change: str
    next_batch: int
    figures: ShadowFigures


def shadow_record(lake: Lake, rule_id: str) -> ShadowRecord | None:
    """What is known of a rule's shadow; None if nothing was ever counted."""
    document: Any = lake.read_json(_path(rule_id))
    return None if document is None else ShadowRecord.model_validate(document)


def follow_shadows(lake: Lake, book: RuleBook) -> list[str]:
    """Count what is new for every rule in the shadow; returns their ids.

    Idempotent: figures and position are one file. There is one writer at a time.
    """
    try:
        entries = book.entries()
    except RuleBookError:
        return []  # initialize_stores has not filled the book yet
    followed = []
    for entry in entries:
        step = _started(lake, entry.rule_id, entry.text) if entry.stage is Stage.SHADOW else None
        if step is not None:
            _follow(lake, book, step)
            followed.append(entry.rule_id)
    return followed


def _started(lake: Lake, rule_id: str, text: str) -> LifeStep | None:
    """The step that put this text into the shadow."""
    steps: Sequence[LifeStep] = RuleLife(lake, rule_id).steps()
    return next((step for step in reversed(steps) if step.step is Step.SHADOW and step.text == text), None)


def _follow(lake: Lake, book: RuleBook, step: LifeStep) -> None:
    before = shadow_record(lake, step.rule_id)
    if before is None or before.change != step.change:
        nothing = ShadowFigures(0, 0, 0, 0, 0, 0)
        before = ShadowRecord(change=step.change, next_batch=int(step.detail["first_batch"]), figures=nothing)
    stop = BatchLedger(lake).cursor(BatchStage.SCORED).next_batch
    seen = shadow_batches(lake, book, step.rule_id, step.text, before.next_batch)
    seen = tuple(batch for batch in seen if batch < stop)
    figures = before.figures
    for first in range(0, len(seen), _BATCHES):
        figures = _sum(figures, shadow_figures(lake, step, seen[first : first + _BATCHES]))
    after = before.model_copy(update={"next_batch": stop, "figures": figures})
    lake.write_json(_path(step.rule_id), after.model_dump(mode="json"))


def _sum(one: ShadowFigures, other: ShadowFigures) -> ShadowFigures:
    return replace(one, **{name: value + getattr(other, name) for name, value in asdict(one).items()})


def _path(rule_id: str) -> str:
    return f"{FOLDER}/shadow/{rule_id}.json"
