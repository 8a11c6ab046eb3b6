"""``compare``: every question to a reference and a summary, and the answers worth an alarm."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from include.adaptation.drift.finding import Finding, Kind
from include.adaptation.drift.rates import difference
from include.adaptation.drift.reference import Reference
from include.adaptation.drift.segments import ALL
from include.adaptation.drift.settings import DriftSettings
from include.adaptation.drift.stability import stability
from include.adaptation.drift.summary import Summary
from include.adaptation.drift.tally import SCORE, VALUE_COLUMNS, SegmentTally, Tally
from include.adaptation.drift.unseen import unseen
from include.adaptation.errors import SummariesApart

Key = tuple[Kind, str, str]  # kind, subject, segment
#: What a tally answers; None where it has too few rows.
Question = Callable[[Tally], Finding | None]

_VALUES_NAMED = 3


def compare(reference: Reference, summary: Summary, settings: DriftSettings | None = None) -> list[Finding]:
    """What differs from the reference by much and beyond chance.

    Parameters
    ----------
    reference
        What was usual.
    summary
        Of about a whole day, since habits differ by the hour: add up the hours first.
    settings
        Thresholds.

    Returns
    -------
    list of Finding
        The least likely to be chance first.

    Raises
    ------
    SummariesApart
        The summary was counted over another reference.
    """
    settings = settings or DriftSettings()
    if summary.reference_id != reference.id:
        raise SummariesApart(
            f"expected a summary over reference {reference.id}, got one over {summary.reference_id}; "
            "summarise the rows again over the reference in use"
        )
    notable = [
        found for found in answers(reference, summary.tally, settings) if found.notable(settings.significance)
    ]
    return sorted(notable, key=lambda found: (found.p_value, -found.strength, found.key))


def answers(reference: Reference, tally: Tally, settings: DriftSettings) -> list[Finding]:
    """Every comparison the rows suffice for, p-values by Bonferroni over all of them."""
    found = [answer for ask in questions(reference, settings).values() if (answer := ask(tally)) is not None]
    return [answer.model_copy(update={"p_value": min(1.0, answer.p_value * len(found))}) for answer in found]


def questions(reference: Reference, settings: DriftSettings) -> dict[Key, Question]:
    """Everything that is looked at, by what it is about; its p-values are of that comparison alone."""
    asked: dict[Key, Question] = {}
    for segment in reference.segments:
        for subject in reference.bins:
            kind = Kind.SCORE if subject == SCORE else Kind.FEATURE
            asked[kind, subject, segment] = partial(_shift, reference, settings, kind, subject, segment)
        asked[Kind.ALERT_RATE, "alert_rate", segment] = partial(_alert_rate, reference, settings, segment)
    for name in reference.tally.missing:
        if name.removeprefix("features.").startswith(settings.missing_means_no_fraud):
            continue
        asked[Kind.MISSING, name, ALL] = partial(_missing, reference, settings, name)
    for name in VALUE_COLUMNS:
        asked[Kind.UNSEEN, name, ALL] = partial(_unseen, reference, settings, name)
    return asked


def _shift(
    reference: Reference, settings: DriftSettings, kind: Kind, subject: str, segment: str, tally: Tally
) -> Finding | None:
    before = _counts(reference.tally, segment, subject)
    now = _counts(tally, segment, subject)
    if sum(before) < settings.min_rows or sum(now) < settings.min_rows:
        return None
    result = stability(before, now, settings.rows_alike)
    threshold = settings.score_psi if kind is Kind.SCORE else settings.feature_psi
    bins = reference.bins[subject]
    return Finding(
        kind=kind,
        subject=subject,
        segment=segment,
        value=result.psi,
        reference_value=0.0,
        threshold=threshold,
        large=result.psi >= threshold,
        p_value=result.p_value,
        strength=result.strength,
        rows=sum(now),
        sentence=(
            f"{_plain(subject).capitalize()} is spread differently{_within(segment)}: PSI {result.psi:.2f}, "
            f"an alarm from {threshold:g}; the middle value went from {bins.median(before):.4g} to "
            f"{bins.median(now):.4g}."
        ),
    )


def _alert_rate(reference: Reference, settings: DriftSettings, segment: str, tally: Tally) -> Finding | None:
    before = reference.tally.segments.get(segment, SegmentTally())
    now = tally.segments.get(segment, SegmentTally())
    result = difference(before.alerts, before.judged, now.alerts, now.judged, settings.rows_alike)
    expected = before.alerts / max(before.judged, 1) * now.judged
    if now.judged < settings.min_rows or max(expected, now.alerts) < settings.min_alerts:
        return None
    change = settings.alert_rate_change
    bound = result.reference * (1 + change if result.now >= result.reference else 1 - change)
    return Finding(
        kind=Kind.ALERT_RATE,
        subject="alert_rate",
        segment=segment,
        value=result.now,
        reference_value=result.reference,
        threshold=bound,
        large=abs(result.now - result.reference) >= change * result.reference,
        p_value=result.p_value,
        strength=result.strength,
        rows=now.judged,
        sentence=(
            f"{result.now:.2%} of transactions{_within(segment)} are alerted where {result.reference:.2%} were; "
            f"an alarm from a change of {change:.0%}."
        ),
    )


def _missing(reference: Reference, settings: DriftSettings, name: str, tally: Tally) -> Finding | None:
    if tally.rows < settings.min_rows or name not in tally.missing:
        return None
    before, rows = reference.tally.missing[name], reference.tally.rows
    result = difference(before, rows, tally.missing[name], tally.rows, settings.rows_alike)
    change = settings.missing_change
    higher = result.now >= result.reference
    return Finding(
        kind=Kind.MISSING,
        subject=name,
        segment=ALL,
        value=result.now,
        reference_value=result.reference,
        threshold=result.reference + (change if higher else -change),
        large=abs(result.now - result.reference) >= change,
        p_value=result.p_value,
        strength=result.strength,
        rows=tally.rows,
        sentence=(
            f"{_plain(name).capitalize()} is missing in {result.now:.1%} of the rows where it was in "
            f"{result.reference:.1%}; an alarm from a change of {change * 100:g} of 100 rows."
        ),
    )


def _unseen(reference: Reference, settings: DriftSettings, column: str, tally: Tally) -> Finding | None:
    known, now = reference.tally.values[column], tally.values.get(column, {})
    rows = sum(now.values())
    if rows < settings.min_rows:
        return None
    new = unseen(known, now)
    # Good and Turing: as many rows will be of unseen values as are of values seen once.
    singles = sum(count == 1 for count in known.values())
    result = difference(singles, sum(known.values()), sum(new.values()), rows, settings.rows_alike)
    named = ", ".join(list(new)[:_VALUES_NAMED]) + (", …" if len(new) > _VALUES_NAMED else "")
    return Finding(
        kind=Kind.UNSEEN,
        subject=column,
        segment=ALL,
        value=result.now,
        reference_value=result.reference,
        threshold=settings.unseen_share,
        large=result.now >= settings.unseen_share and sum(new.values()) >= settings.unseen_rows,
        p_value=result.p_value,
        strength=result.strength,
        rows=rows,
        sentence=(
            f"{result.now:.1%} of the rows have a {_plain(column)} never seen before ({named or 'none'}); "
            f"an alarm from {settings.unseen_share:.1%}."
        ),
    )


def _counts(tally: Tally, segment: str, subject: str) -> tuple[int, ...]:
    return tally.segments.get(segment, SegmentTally()).counts.get(subject, ())


def _plain(name: str) -> str:
    return name.removeprefix("features.").replace("_", " ")


def _within(segment: str) -> str:
    return "" if segment == ALL else f" where {segment.replace('_', ' ').replace('=', ' is ')}"
