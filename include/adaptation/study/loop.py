"""Day after day under one policy: label, look, retrain, decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from include.adaptation.drift import Alarm
from include.adaptation.retraining import RECALIBRATED, Episode, next_episode
from include.adaptation.study.changes import day_number
from include.adaptation.study.operation import Day, History, Operation, moment_of
from include.adaptation.study.settings import StudySettings
from include.detection.bundle import ModelBundle

#: A day, and how many labelled days to learn from → the model trained at its beginning.
TrainAt = Callable[[int, int], ModelBundle]
#: Told as it happens.
Say = Callable[[str], None]


class Policy(StrEnum):
    """When a model is trained again."""

    STATIC = "static"  # never
    WEEKLY = "weekly"  # every week from the onset on
    TRIGGERED = "triggered"  # when drift asks for it


@dataclass
class Run:
    """What happened under a policy."""

    policy: Policy
    days: list[Day] = field(default_factory=list)
    retrainings: list[int] = field(default_factory=list)  # days, the first model left out
    recalibrations: list[int] = field(default_factory=list)
    alarms: list[tuple[int, Alarm]] = field(default_factory=list)  # day it was first told on


def run(history: History, policy: Policy, settings: StudySettings, train_at: TrainAt, say: Say) -> Run:
    """Operate from the first day to the last.

    A day begins at midnight UTC with a look at what was scored and labelled before, and what it leads to; then
    the day's transactions are decided on.
    """
    result = Run(policy)
    operation = Operation(history, settings, watched=policy is Policy.TRIGGERED)
    first, onset = day_number(settings.first_day), day_number(settings.onset)
    last = int(history.data.day[-1])
    operation.promote(train_at(first, settings.train_days), first)
    episode: Episode | None = None
    for day in range(first, last + 1):
        due = policy is Policy.WEEKLY and day >= onset and (day - onset) % settings.every_days == 0
        if policy is Policy.TRIGGERED and day > first:
            alarms = operation.look(day)
            told = {alarm.id for _, alarm in result.alarms}
            for alarm in alarms:
                if alarm.id not in told:
                    result.alarms.append((day, alarm))
                    say(f"day {day - onset:+d}: {alarm.sentence} (since {alarm.since:%m-%d %H:%M})")
            episode = next_episode(episode, alarms, moment_of(day), settings.retraining)
            due = episode is not None and episode.is_due(moment_of(day))
            rates = [alarm for alarm in alarms if alarm.kind in RECALIBRATED]
            if rates and not due:
                operation.recalibrate(min(alarm.since for alarm in rates), day)
                result.recalibrations.append(day)
                say(f"day {day - onset:+d}: thresholds found anew")
        if due:
            answering = policy is Policy.TRIGGERED
            length = settings.retraining.train_days if answering else settings.train_days
            operation.promote(train_at(day, length), day)
            result.retrainings.append(day)
            episode = episode.retrained(moment_of(day)) if episode is not None else None
            say(f"day {day - onset:+d}: trained again")
        result.days.append(operation.decide(day))
    return result
