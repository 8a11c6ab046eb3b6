from datetime import UTC, datetime, timedelta

import pytest

from include.adaptation.drift import Alarm, Kind
from include.adaptation.retraining import RetrainingSettings, next_episode

ONSET = datetime(2026, 3, 1, tzinfo=UTC)
SETTINGS = RetrainingSettings()


def day(n: float) -> datetime:
    return ONSET + timedelta(days=n)


def alarm(kind: Kind, noticed: float, since: float = 0, reference: str = "r") -> Alarm:
    return Alarm(
        id=f"{kind}-{noticed}", kind=kind, subject="s", segment="all", since=day(since), noticed_at=day(noticed),
        p_value=0.0, value=1, reference_value=0, threshold=0.1, rows=1, reference_id=reference, model_version="m",
        sentence="", series=(),
    )  # fmt: skip


def retrained_on(alarms: dict[int, list[Alarm]], days: int = 40) -> list[int]:
    """Days on which a retraining is done, looking once a day."""
    episode, done = None, []
    for n in range(days):
        episode = next_episode(episode, alarms.get(n, []), day(n), SETTINGS)
        if episode is not None and episode.is_due(day(n)):
            episode = episode.retrained(day(n))
            done.append(n)
    return done


def test_missed_frauds_are_answered_at_once_and_followed_up_twice():
    assert retrained_on({9: [alarm(Kind.MISSED_FRAUD, 9)]}) == [9, 12, 19]


def test_scores_are_answered_when_labels_are_in():
    assert retrained_on({1: [alarm(Kind.SCORE, 1)]}) == [8, 12, 19]


def test_alarms_that_last_add_nothing():
    lasting = {n: [alarm(Kind.MISSED_FRAUD, n), alarm(Kind.SCORE, n)] for n in range(9, 40)}
    assert retrained_on(lasting) == [9, 12, 19]


def test_after_a_promotion_another_alarm_is_answered():
    alarms = {9: [alarm(Kind.MISSED_FRAUD, 9)], 25: [alarm(Kind.MISSED_FRAUD, 25, since=20, reference="s")]}
    assert retrained_on(alarms, days=60) == [9, 12, 19, 25, 32, 39]


def test_an_onset_estimated_far_back_keeps_the_pause():
    assert retrained_on({9: [alarm(Kind.MISSED_FRAUD, 9, since=-60)]}) == [9, 12, 15]


@pytest.mark.parametrize("kind", [Kind.FEATURE, Kind.ALERT_RATE, Kind.MISSING, Kind.UNSEEN])
def test_other_kinds_train_nothing(kind):
    assert retrained_on({n: [alarm(kind, n)] for n in range(30)}) == []
