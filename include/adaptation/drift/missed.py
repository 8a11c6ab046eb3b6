"""ADWIN over labelled frauds: is a larger share of them missed than before?

Two questions are asked of each fraud: had it been alerted, and was its score among the highest? The first is what
matters to the bank. The second tells whether the model still knows its frauds: rules and anomaly detectors may catch
a new pattern and hide from the first that the model does not.

The log is replayed from its start at every look. That costs milliseconds, needs no state between looks, and
gives the same answer however often it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from river.drift import ADWIN

from include.adaptation.drift.finding import Finding, Kind
from include.adaptation.drift.outcomes import Outcome, OutcomeLog
from include.adaptation.drift.rates import difference
from include.adaptation.drift.segments import ALL, worth_watching
from include.adaptation.drift.settings import DriftSettings


@dataclass(frozen=True, slots=True)
class Subject:
    """A question asked of each labelled fraud."""

    asks: Callable[[Outcome], bool | None]  # None: it can not be answered
    words: str  # of those it is true of


#: Questions by the name alarms have.
SUBJECTS = {
    "missed_fraud": Subject(lambda outcome: outcome.missed, "were not alerted"),
    "unknown_to_model": Subject(
        lambda outcome: outcome.unknown_to_model, "were not among the highest scores of the model"
    ),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A labelled fraud and the answer to a question."""

    outcome: Outcome
    hit: bool


@dataclass(frozen=True, slots=True)
class MissedMore:
    """A rise in the share of missed frauds."""

    finding: Finding
    since: datetime  # when the first fraud after the likeliest cut happened
    noticed_at: datetime  # when the label came that made it certain


def missed_more(log: OutcomeLog, settings: DriftSettings) -> list[MissedMore]:
    """Streams in which ADWIN's newest cut was a rise; a fall afterwards ends it.

    Parameters
    ----------
    log
        Of one model's decisions: see :meth:`OutcomeLog.since`.
    settings
        ``missed_*``.

    References
    ----------
    Bifet, Gavaldà: Learning from time-changing data with adaptive windowing, SDM 2007.
    """
    by_segment: dict[str, list[Outcome]] = {}
    for outcome in log.outcomes:
        for segment in outcome.segments:
            by_segment.setdefault(segment, []).append(outcome)
    sizes = {name: len(outcomes) for name, outcomes in by_segment.items()}
    segments = [name for name in worth_watching(sizes, settings.missed_min) if name in by_segment]
    streams = [
        (subject, segment, stream)
        for segment in segments
        for subject in SUBJECTS
        if len(stream := _stream(by_segment[segment], subject)) >= settings.missed_min
    ]
    found = [_replay(*named, settings, len(streams)) for named in streams]
    return [rise for rise in found if rise is not None]


def _stream(outcomes: Sequence[Outcome], subject: str) -> list[Seen]:
    asked = [(outcome, SUBJECTS[subject].asks(outcome)) for outcome in outcomes]
    return [Seen(outcome, hit) for outcome, hit in asked if hit is not None]


def _replay(
    subject: str, segment: str, stream: Sequence[Seen], settings: DriftSettings, streams: int
) -> MissedMore | None:
    adwin = ADWIN(delta=settings.missed_delta / streams, clock=settings.missed_clock)
    rise: MissedMore | None = None
    window = 0  # how much ADWIN held before the newest outcome
    for end, seen in enumerate(stream, 1):
        adwin.update(float(seen.hit))
        if adwin.drift_detected:
            held = stream[end - window - 1 : end]
            cut = _likeliest_cut(held)
            before, now = held[:cut], held[cut:]
            if _share(now) <= _share(before):
                rise = None
            elif rise is None and end >= settings.missed_min:
                rise = _rise(subject, segment, before, now, streams)
        window = int(adwin.width)
    return rise


def _likeliest_cut(held: Sequence[Seen]) -> int:
    """Where the two parts differ by the most that can not be chance.

    ADWIN itself drops its oldest outcomes bucket by bucket and finds the place only as more come in.
    """
    missed = np.cumsum([seen.hit for seen in held], dtype=np.float64)
    n, total = len(held), missed[-1]
    cuts = np.arange(1, n)
    distance = np.abs(missed[:-1] / cuts - (total - missed[:-1]) / (n - cuts))
    return int(cuts[np.argmax(distance * np.sqrt(cuts * (n - cuts)))])


def _share(stream: Sequence[Seen]) -> float:
    return sum(seen.hit for seen in stream) / len(stream)


def _rise(
    subject: str, segment: str, before: Sequence[Seen], now: Sequence[Seen], streams: int
) -> MissedMore:
    result = difference(sum(s.hit for s in before), len(before), sum(s.hit for s in now), len(now))
    where = "" if segment == ALL else f" where {segment.replace('_', ' ').replace('=', ' is ')}"
    finding = Finding(
        kind=Kind.MISSED_FRAUD,
        subject=subject,
        segment=segment,
        value=result.now,
        reference_value=result.reference,
        threshold=result.reference,
        large=True,
        # Every place in the stream could have been the cut.
        p_value=min(1.0, result.p_value * streams * (len(before) + len(now))),
        strength=result.strength,
        rows=len(now),
        sentence=(
            f"{result.now:.0%} of the last {len(now)} labelled frauds{where} {SUBJECTS[subject].words}, where "
            f"{result.reference:.0%} of the {len(before)} before were: fraud may have found a new way."
        ),
    )
    since = min(seen.outcome.occurred_at for seen in now)
    return MissedMore(finding, since, now[-1].outcome.labelled_at)
