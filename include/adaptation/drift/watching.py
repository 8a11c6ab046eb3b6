"""``watch``: reference, summaries and labelled frauds → alarms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from include.adaptation.drift.alarm import Alarm, Point
from include.adaptation.drift.comparing import Question, compare, questions
from include.adaptation.drift.missed import SUBJECTS, MissedMore, missed_more
from include.adaptation.drift.outcomes import Outcome, OutcomeLog
from include.adaptation.drift.reference import Reference
from include.adaptation.drift.settings import DriftSettings
from include.adaptation.drift.summary import Summary, merge
from include.adaptation.drift.tally import Tally

#: How far back an onset is looked for, and a series goes.
_BACK = timedelta(days=28)


def watch(
    reference: Reference,
    summaries: Sequence[Summary],
    log: OutcomeLog,
    now: datetime,
    settings: DriftSettings | None = None,
) -> list[Alarm]:
    """Look once.

    Parameters
    ----------
    reference
        What was usual when the model was promoted.
    summaries
        Since then, any order, of any length; those over another reference are left out. A week of them makes
        the onset and the series; only the last ``window_hours`` are compared.
    log
        Outcomes of the decisions of that model: see :meth:`OutcomeLog.since`.
    now
        Aware; by event time. Later summaries and outcomes are left out, so a look can be done again.
    settings
        Thresholds.

    Returns
    -------
    list of Alarm
        Missed fraud first, then by how hard it is to put down to chance.
    """
    settings = settings or DriftSettings()
    known = tuple(outcome for outcome in log.outcomes if outcome.labelled_at <= now)
    found = [_missed(rise, known, reference) for rise in missed_more(OutcomeLog(outcomes=known), settings)]
    held = sorted(
        (s for s in summaries if s.reference_id == reference.id and now - _BACK < s.since < now),
        key=lambda summary: summary.since,
    )
    window = merge(s for s in held if s.until > now - timedelta(hours=settings.window_hours))
    if window is None:
        return found
    asked = questions(reference, settings)
    for finding in compare(reference, window, settings):
        ask = asked[finding.key]
        narrow = [
            s.model_copy(update={"tally": s.tally.about(finding.segment, finding.subject)}) for s in held
        ]
        found.append(
            Alarm.of(
                finding,
                since=_onset(narrow, ask),
                noticed_at=now,
                reference_id=reference.id,
                model_version=reference.model_version,
                series=list(_daily(narrow, ask)),
            )
        )
    return found


def _onset(held: Sequence[Summary], ask: Question) -> datetime:
    """The start from which on the difference is hardest to put down to chance.

    The test statistic is about twice a logarithm of a likelihood ratio, so this is the likeliest moment of a
    single change that lasts (Page 1954; Basseville, Nikiforov: Detection of Abrupt Changes, 1993).
    """
    best, since, tally = -1.0, held[-1].since, Tally()
    for summary in reversed(held):
        tally = tally + summary.tally
        answer = ask(tally)
        if answer is not None and answer.strength >= best:
            best, since = answer.strength, summary.since
    return since


def _daily(held: Sequence[Summary], ask: Question) -> Iterator[Point]:
    for _, group in groupby(held, key=lambda summary: summary.since.date()):
        day = merge(group)
        answer = None if day is None else ask(day.tally)
        if day is not None and answer is not None:
            yield Point(at=day.since, value=answer.value)


def _missed(rise: MissedMore, known: Sequence[Outcome], reference: Reference) -> Alarm:
    asks = SUBJECTS[rise.finding.subject].asks
    stream = [outcome for outcome in known if rise.finding.segment in outcome.segments]
    series = []
    for _, group in groupby(stream, key=lambda outcome: outcome.labelled_at.date()):
        day = list(group)
        hits = [hit for outcome in day if (hit := asks(outcome)) is not None]
        if hits:
            series.append(Point(at=day[0].labelled_at, value=sum(hits) / len(hits)))
    return Alarm.of(rise.finding, rise.since, rise.noticed_at, reference.id, reference.model_version, series)
