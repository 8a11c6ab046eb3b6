"""Rules as the desk shows them: what the book says, how they have done, where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from include.governance.errors import ChangeRefused, RuleBookError
from include.governance.rule_entry import RuleEntry, Stage
from include.governance.rule_life import FOLDER, LifeStep, RuleLife, Step
from include.pipeline.models import rule_book
from include.pipeline.rule_quality import RuleQuality, rule_quality, rule_quality_by_day
from include.pipeline.shadow_record import ShadowRecord, shadow_record
from include.reports.charts import Chart, Series, day_chart
from include.rules.header import RULE_ID, split_header
from include.stores.lake.files import Lake
from plugins.fraud_desk.spans import period

_RETIRED, _DRAFT = "retired", "draft"


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule.

    Attributes
    ----------
    state
        ``live``, ``shadow``, ``live, shadow`` (a changed one is tried), ``retired`` or ``draft``.
    header
        What its text says of it: title, typology, severity, action, version …
    """

    rule_id: str
    state: str
    header: Mapping[str, str]
    share: float
    author: str
    approved_by: str
    quality: RuleQuality
    shadow: ShadowRecord | None
    text: str

    @property
    def out_of_force(self) -> bool:
        """Whether its hits count for nothing."""
        return self.state in (_RETIRED, _DRAFT)


@dataclass(frozen=True, slots=True)
class Rules:
    """All of them, and what is wrong with the book."""

    rows: tuple[RuleRow, ...]
    version: str
    problems: tuple[str, ...]


def rules(lake: Lake, days: int, now: datetime | None = None) -> Rules:
    """Every rule that is or was in the book or on its way into it, over the last days."""
    entries, version, problems = _entries(lake)
    since, until = period(days, now)
    quality = {one.rule_id: one for one in rule_quality(lake, since, until)}
    known = {entry.rule_id for entry in entries} | set(quality)
    known |= {name for name in lake.names(FOLDER) if RULE_ID.fullmatch(name)}
    rows = [_row(lake, rule_id, entries, quality.get(rule_id)) for rule_id in sorted(known)]
    rows.sort(key=lambda row: (row.out_of_force, -row.quality.hits, row.rule_id))
    return Rules(tuple(rows), version, problems)


def rule(lake: Lake, rule_id: str, days: int, now: datetime | None = None) -> RuleRow | None:
    """One rule; None if nobody has heard of it."""
    if not RULE_ID.fullmatch(rule_id):
        return None
    entries, _, _ = _entries(lake)
    quality = {one.rule_id: one for one in rule_quality(lake, *period(days, now))}
    known = any(entry.rule_id == rule_id for entry in entries) or rule_id in quality
    if not known and not RuleLife(lake, rule_id).steps():
        return None
    return _row(lake, rule_id, entries, quality.get(rule_id))


def life_of(lake: Lake, rule_id: str) -> tuple[LifeStep, ...]:
    """Every step of a rule's life, the newest first."""
    return RuleLife(lake, rule_id).steps()[::-1]


def quality_chart(lake: Lake, rule_id: str, days: int, now: datetime | None = None) -> Chart:
    """Hits, confirmed frauds and false alarms of a rule, day by day."""
    by_day = rule_quality_by_day(lake, *period(days, now))
    found = {day: next((one for one in of if one.rule_id == rule_id), None) for day, of in by_day.items()}
    across = [datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() for day in found]
    series = [
        Series(name, across, [float(getattr(one, what)) if one else 0.0 for one in found.values()], colour)
        for name, what, colour in (
            ("hits", "hits", "#1b6ca8"),
            ("confirmed frauds", "fraud", "#b00020"),
            ("false alarms", "false_positives", "#588157"),
        )
    ]
    return day_chart("Hits", "transactions", series)


def _entries(lake: Lake) -> tuple[tuple[RuleEntry, ...], str, tuple[str, ...]]:
    book = rule_book(lake)
    try:
        version = book.current().version
        return book.document(version).entries, version, book.problems
    except RuleBookError as error:
        return (), "", (str(error),)


def _row(lake: Lake, rule_id: str, entries: tuple[RuleEntry, ...], quality: RuleQuality | None) -> RuleRow:
    mine = sorted((one for one in entries if one.rule_id == rule_id), key=lambda one: one.stage)
    steps = _steps(lake, rule_id) if not mine or mine[0].stage is Stage.SHADOW else ()
    if mine:
        state = ", ".join(one.stage.lower() for one in mine)
        entry = mine[0]  # LIVE before SHADOW
        text, share, author, approved_by = entry.text, entry.share, entry.author, entry.approved_by
    else:
        last = steps[-1] if steps else None
        state = (
            _DRAFT if last and not any(one.step in (Step.LIVE, Step.RETIRED) for one in steps) else _RETIRED
        )
        text, share = (last.text, last.share) if last else ("", 1.0)
        author, approved_by = (last.author, "") if last else ("", "")
    in_shadow = any(one.stage is Stage.SHADOW for one in mine)
    return RuleRow(
        rule_id,
        state,
        split_header(Path(f"{rule_id}.sql"), text)[0].values,
        share,
        author,
        approved_by,
        quality or RuleQuality(rule_id=rule_id, hits=0, alone=0, fraud=0, legitimate=0),
        shadow_record(lake, rule_id) if in_shadow else None,
        text,
    )


def _steps(lake: Lake, rule_id: str) -> tuple[LifeStep, ...]:
    try:
        return RuleLife(lake, rule_id).steps()
    except ChangeRefused:
        return ()
