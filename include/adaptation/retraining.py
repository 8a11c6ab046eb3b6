"""What to do about an alarm: which retrainings are due, and when.

A retraining learns from labels, and they come late. So an alarm seen in scores, the same day, is answered when
the first labelled day of the changed period is in: the change is in all transactions, and a day of them shows it.
One seen in labels is answered at once. Both are followed up twice, each time with more than twice the labelled days
of the changed period there were before. Then the episode is over, whatever the alarms say: three retrainings that did
not help are a case for people.

An answer learns from two weeks, not from as long as there is: older days speak of a world that has changed, and
would outvote the days since. Two weeks hold frauds enough for the patterns that stayed.

Only missed frauds and scores lead to a retraining. A feature may drift without harm, a changed alert rate needs
new thresholds and no new model, and data that went missing must be mended, not learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict

from include.adaptation.drift import Alarm, Kind

#: Kinds a retraining answers.
RETRAINED = frozenset({Kind.MISSED_FRAUD, Kind.SCORE})
#: Kinds new thresholds answer.
RECALIBRATED = frozenset({Kind.ALERT_RATE})


class RetrainingSettings(BaseModel):
    """When an alarm is answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: How long labels take.
    label_delay: timedelta = timedelta(days=7)
    #: Labelled days of the changed period that are worth a first retraining, of an alarm seen in scores.
    first_after: timedelta = timedelta(days=1)
    #: And those worth each further one.
    follow_ups: tuple[timedelta, ...] = (timedelta(days=5), timedelta(days=12))
    #: Between two retrainings; less brings too few new labels.
    pause: timedelta = timedelta(days=3)
    #: Days a model is trained on that answers an alarm. In the drift study (a new pattern, seed 0) a model trained
    #: 22 days after the onset had an average precision of .75 from 60 days, .785 from 30 and .80 from 21; one
    #: trained after 17 days .74 from 21 and .77 from 14.
    train_days: int = 14


class Episode(BaseModel):
    """An alarm that is being answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alarm_id: str
    reference_id: str  # what the alarm was held against: another after every promotion
    since: datetime  # estimated onset
    due: tuple[datetime, ...]  # retrainings still to come, in order
    done: tuple[datetime, ...] = ()

    @classmethod
    def begin(cls, alarm: Alarm, now: datetime, settings: RetrainingSettings) -> Self:
        """Plan the answer to an alarm."""
        onset = alarm.since.replace(hour=0, minute=0, second=0, microsecond=0)
        labelled = onset + settings.label_delay
        first = now if alarm.kind is Kind.MISSED_FRAUD else max(now, labelled + settings.first_after)
        due = [first]
        for after in settings.follow_ups:
            due.append(max(labelled + after, due[-1] + settings.pause))
        return cls(alarm_id=alarm.id, reference_id=alarm.reference_id, since=alarm.since, due=tuple(due))

    def is_due(self, now: datetime) -> bool:
        """Whether a retraining is to be done by now."""
        return bool(self.due) and self.due[0] <= now

    def retrained(self, now: datetime) -> Self:
        """After a retraining; several that fell due meanwhile are one."""
        later = tuple(moment for moment in self.due if moment > now)
        return self.model_copy(update={"due": later, "done": (*self.done, now)})


def next_episode(
    episode: Episode | None, alarms: Sequence[Alarm], now: datetime, settings: RetrainingSettings
) -> Episode | None:
    """The episode to go on with: a new alarm waits until the one before has been answered to the end.

    Alarms that last, or come again, under the same reference begin no other: its model was not replaced by any of
    the retrainings, and one more would not be either.
    """
    if episode is not None and episode.due:
        return episode
    for alarm in alarms:
        answered = episode is not None and episode.reference_id == alarm.reference_id
        if alarm.kind in RETRAINED and not answered:
            return Episode.begin(alarm, now, settings)
    return episode
