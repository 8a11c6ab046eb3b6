from datetime import date

import numpy as np
import pytest

from include.evaluation.errors import FoldRefused, LeakFound
from include.evaluation.protocol import History, Protocol, cut, days_of

FIRST = date(2026, 1, 8)
EPOCH = date(1970, 1, 1)


def test_training_and_test_days_lie_a_delay_apart(data, day_us):
    fold = cut(data, FIRST, Protocol())
    first = (FIRST - EPOCH).days
    assert set(data.day[fold.train]) == set(range(first, first + 7))
    assert set(data.day[fold.test]) == set(range(first + 14, first + 21))
    assert fold.tested_from == (first + 14) * day_us
    assert (np.diff(data.time[fold.train]) >= 0).all()


def test_open_history_begins_with_the_data(data):
    strict, free = (cut(data, FIRST, Protocol(history=history)) for history in History)
    assert set(strict.train) < set(free.train)
    assert data.day[free.train].min() == data.day.min()
    np.testing.assert_array_equal(strict.test, free.test)


def test_cards_known_to_be_compromised_are_left_out_from_the_day_after_their_label(data):
    fold = cut(data, FIRST, Protocol())
    first = (FIRST - EPOCH).days
    for rows in days_of(data, fold.test):
        tested = fold.test[rows]
        day = data.day[tested[0]]
        known = {
            card
            for card, when, fraud in zip(data.card, data.day, data.fraud, strict=True)
            if fraud and first <= when <= day - 8
        }
        assert known
        wanted = {i for i in np.flatnonzero(data.day == day) if data.card[i] not in known}
        assert set(tested) == wanted


def test_labels_inside_the_delay_cannot_be_had(data):
    fold = cut(data, FIRST, Protocol())
    assert data.known_at(fold.train, fold.tested_from).any()
    with pytest.raises(LeakFound, match="expected only labels known by"):
        data.known_at(fold.train, fold.tested_from - 1_000_000_000_000)
    with pytest.raises(LeakFound):
        data.known_at(fold.test, fold.tested_from)


def test_a_fold_that_reaches_beyond_the_data_is_refused(data):
    with pytest.raises(FoldRefused, match="choose other FOLDS"):
        cut(data, date(2026, 1, 28), Protocol())
    with pytest.raises(FoldRefused):
        cut(data, date(2025, 12, 1), Protocol())
