"""Models as the desk shows them: who decides, who waits, how they have done, what has drifted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from markupsafe import Markup

from include.adaptation.drift import Alarm
from include.adaptation.page import chart_of
from include.detection.errors import DetectionError
from include.detection.manifest import Manifest
from include.detection.registry import ModelRegistry, Promotion
from include.pipeline.challengers import Challenger, ChallengerBook, Phase
from include.pipeline.drift import FOLDER as DRIFT
from include.pipeline.models import model_registry
from include.pipeline.rule_quality import ModelQuality, model_quality
from include.reports.charts import COLOURS, Chart, Series, day_chart
from include.reports.pages import draw
from include.stores.lake.files import Lake

#: Versions and alarms that are shown, the newest.
_VERSIONS, _ALARMS = 20, 12
_ALARM_DAYS = 90


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One version.

    Attributes
    ----------
    role
        ``champion``, ``candidate`` or where it stands on its way; "" for one that is only kept.
    manifest
        None if it cannot be read; then ``trouble`` says why.
    """

    version: str
    role: str
    share: float
    manifest: Manifest | None
    way: Challenger | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm of drift, and its plot."""

    alarm: Alarm
    plot: Markup


@dataclass(frozen=True, slots=True)
class Models:
    """All that is shown."""

    rows: tuple[ModelRow, ...]
    promotions: tuple[Promotion, ...]
    quality: tuple[ModelQuality, ...]
    charts: tuple[Markup, ...]
    alarms: tuple[AlarmRow, ...]


def models(lake: Lake, since: date, until: date, now: datetime | None = None) -> Models:
    """Versions, promotions, quality from labels and alarms."""
    registry = model_registry(lake)
    promotions = tuple(registry.promotions()[::-1])
    quality = tuple(model_quality(lake, since, until))
    plots = tuple(draw(chart) for chart in quality_charts(quality)) if quality else ()
    return Models(_rows(lake, registry, promotions), promotions, quality[::-1], plots, _alarms(lake, now))


def quality_charts(quality: tuple[ModelQuality, ...]) -> list[Chart]:
    """Recall and precision from labels, and the share alerted, by day and version."""
    by_version: dict[str, list[ModelQuality]] = defaultdict(list)
    for one in quality:
        by_version[one.model_version].append(one)
    measures: tuple[tuple[str, str, Callable[[ModelQuality], float | None]], ...] = (
        ("Recall of labelled frauds", "share", lambda one: one.recall),
        (
            "Precision of labelled alerts",
            "share",
            lambda one: one.precision if one.alerted_legitimate else None,
        ),
        ("Alerts", "share of transactions", lambda one: one.alerts / max(1, one.transactions)),
    )
    charts = []
    for title, up, measure in measures:
        series = []
        for place, (version, of) in enumerate(by_version.items()):
            points = [(_noon(one.day), value) for one in of if (value := measure(one)) is not None]
            if len(points) > 1:  # a curve of one day would not be seen; the table has it
                across, values = [at for at, _ in points], [value for _, value in points]
                series.append(Series(version or "rules only", across, values, COLOURS[place % len(COLOURS)]))
        if series:
            charts.append(day_chart(title, up, series))
    return charts


def _noon(day: date) -> float:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()


def _rows(lake: Lake, registry: ModelRegistry, promotions: tuple[Promotion, ...]) -> tuple[ModelRow, ...]:
    ways = {one.version: one for one in ChallengerBook(lake).all()}
    champion = next((one for one in promotions if one.share == 1), None)
    newest = promotions[0] if promotions else None
    candidate = newest if newest is not None and newest.share < 1 else None
    rows = []
    for version in registry.versions()[::-1][:_VERSIONS]:
        way = ways.get(version)
        role, share = ("" if way is None else way.phase.value), 0.0
        if champion is not None and version == champion.version:
            role, share = Phase.CHAMPION.value, 1.0
        elif candidate is not None and version == candidate.version:
            role, share = "candidate", candidate.share
        try:
            rows.append(ModelRow(version, role, share, registry.manifest(version), way))
        except DetectionError as error:
            rows.append(ModelRow(version, role, share, None, way, str(error)))
    # A champion that is older than all that are shown is shown all the same.
    if champion is not None and champion.version not in {row.version for row in rows}:
        rows.append(ModelRow(champion.version, Phase.CHAMPION.value, 1.0, None, ways.get(champion.version)))
    return tuple(sorted(rows, key=lambda row: (row.share == 0, not row.role, -row.share)))


def _alarms(lake: Lake, now: datetime | None) -> tuple[AlarmRow, ...]:
    since = (now or datetime.now(UTC)) - timedelta(days=_ALARM_DAYS)
    paths = [path for path in lake.written_since(f"{DRIFT}/alarms", since) if path.endswith(".json")]
    found = [Alarm.model_validate(lake.read_json(path)) for path in paths]
    newest = sorted(found, key=lambda alarm: alarm.noticed_at, reverse=True)[:_ALARMS]
    return tuple(AlarmRow(alarm, draw(chart_of(alarm))) for alarm in newest)
