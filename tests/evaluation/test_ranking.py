import numpy as np
import pytest

from include.evaluation.ranking import card_precision, recall_at_false_positives


def test_a_card_that_was_found_leaves_the_pool():
    card = np.array([1, 2, 3, 3, 1, 2, 4])
    fraud = np.array([True, False, False, True, True, True, False])
    score = np.array([0.9, 0.8, 0.1, 0.2, 0.99, 0.5, 0.7])
    days = [np.arange(4), np.arange(4, 7)]
    # Day 1: cards 1 and 2 lead, 1 is compromised. Day 2: 1 is gone, 4 and 2 lead, 2 is compromised.
    assert card_precision(days, card, fraud, score, top=2) == pytest.approx((0.5 + 0.5) / 2)
    # One a day: card 1; then card 4, which is honest.
    assert card_precision(days, card, fraud, score, top=1) == pytest.approx(0.5)


def test_a_card_counts_as_compromised_whichever_of_its_payments_scored_highest():
    card, fraud = np.array([7, 7]), np.array([False, True])
    assert card_precision([np.arange(2)], card, fraud, np.array([0.9, 0.1]), top=1) == 1.0


def test_recall_is_told_by_typology():
    score = np.concatenate([np.linspace(0, 1, 1000), [2.0, 0.5, 3.0]])
    fraud = np.arange(1003) >= 1000
    typology = np.array([""] * 1000 + ["a", "a", "b"], dtype=object)
    assert recall_at_false_positives(fraud, score, typology) == {"a": 0.5, "b": 1.0}
