"""ADWIN over labelled frauds: is a larger share of them missed than before?

The log is replayed from its start at every look. That costs milliseconds, needs no state between looks, and
gives the same answer however often it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    streams: dict[str, list[Outcome]] = {}
    for outcome in log.outcomes:
        for segment in outcome.segments:
            streams.setdefault(segment, []).append(outcome)
    sizes = {name: len(stream) for name, stream in streams.items()}
    watched = [name for name in worth_watching(sizes, settings.missed_min) if name in streams]
    found = [
        _replay(segment, streams[segment], settings, len(watched))
        for segment in watched
        if len(streams[segment]) >= settings.missed_min
    ]
    return [rise for rise in found if rise is not None]


def _replay(
    segment: str, stream: Sequence[Outcome], settings: DriftSettings, streams: int
) -> MissedMore | None:
    adwin = ADWIN(delta=settings.missed_delta / streams, clock=settings.missed_clock)
    rise: MissedMore | None = None
    window = 0  # how much ADWIN held before the newest outcome
    for end, outcome in enumerate(stream, 1):
        adwin.update(float(outcome.missed))
        if adwin.drift_detected:
            held = stream[end - window - 1 : end]
            cut = _likeliest_cut(held)
            before, now = held[:cut], held[cut:]
            if _share(now) <= _share(before):
                rise = None
            elif rise is None and end >= settings.missed_min:
                rise = _rise(segment, before, now, outcome, streams, settings)
        window = int(adwin.width)
    return rise


def _likeliest_cut(held: Sequence[Outcome]) -> int:
    """Where the two parts differ by the most that can not be chance.

    ADWIN itself drops its oldest outcomes bucket by bucket and finds the place only as more come in.
    """
    missed = np.cumsum([outcome.missed for outcome in held], dtype=np.float64)
    n, total = len(held), missed[-1]
    cuts = np.arange(1, n)
    distance = np.abs(missed[:-1] / cuts - (total - missed[:-1]) / (n - cuts))
    return int(cuts[np.argmax(distance * np.sqrt(cuts * (n - cuts)))])


def _share(outcomes: Sequence[Outcome]) -> float:
    return sum(outcome.missed for outcome in outcomes) / len(outcomes)


def _rise(
    segment: str,
    before: Sequence[Outcome],
    now: Sequence[Outcome],
    last: Outcome,
    streams: int,
    settings: DriftSettings,
) -> MissedMore:
    result = difference(sum(o.missed for o in before), len(before), sum(o.missed for o in now), len(now))
    where = "" if segment == ALL else f" where {segment.replace('_', ' ').replace('=', ' is ')}"
    finding = Finding(
        kind=Kind.MISSED_FRAUD,
        subject="missed_fraud",
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
            f"{result.now:.0%} of the last {len(now)} labelled frauds{where} had not been alerted, where "
            f"{result.reference:.0%} of the {len(before)} before had not: fraud may have found a new way."
        ),
    )
    return MissedMore(finding, min(o.occurred_at for o in now), last.labelled_at)
