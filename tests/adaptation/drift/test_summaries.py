from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.adaptation.drift import Reference, Summary, compare, merge, summarise
from include.adaptation.errors import ReferenceRefused, SummariesApart


@pytest.fixture(scope="module")
def reference(world, usual) -> Reference:
    return Reference.learn(usual, world.settings, "m1")


@pytest.fixture(scope="module")
def day(world):
    return world.rows(2, n=900)


def tallied(reference, *tables) -> dict:
    return merge(summary for table in tables for summary in summarise(reference, table)).model_dump()


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 900), max_size=4), st.randoms(use_true_random=False))
def test_summaries_add_up_however_the_rows_are_split_and_ordered(reference, day, cuts, order):
    edges = [0, *sorted(cuts), day.num_rows]
    parts = [day.slice(a, b - a) for a, b in pairwise(edges) if b > a]
    order.shuffle(parts)
    assert tallied(reference, *parts) == tallied(reference, day)


def test_the_order_of_rows_does_not_matter(reference, day):
    shuffled = day.take(np.random.default_rng(0).permutation(day.num_rows))
    assert tallied(reference, shuffled) == tallied(reference, day)


def test_summaries_are_by_the_hour(reference, day):
    found = summarise(reference, day)
    assert [summary.since.hour for summary in found] == sorted(
        {t.hour for t in day["occurred_at"].to_pylist()}
    )
    assert sum(summary.tally.rows for summary in found) == day.num_rows
    assert summarise(reference, day.slice(0, 0)) == []


def test_reference_and_summary_survive_json(reference, day):
    assert Reference.model_validate_json(reference.model_dump_json()) == reference
    for summary in summarise(reference, day):
        assert Summary.model_validate_json(summary.model_dump_json()) == summary


def test_the_references_own_rows_give_no_finding(reference, usual):
    summary = merge(summarise(reference, usual))
    assert summary.tally == reference.tally
    assert compare(reference, summary) == []


def test_segments_are_those_large_enough(reference):
    assert "country=BE" not in reference.segments  # 1,400 rows
    assert {"all", "channel=MOBILE", "transaction_type=TRANSFER"} <= set(reference.segments)


def test_summaries_of_two_references_stay_apart(world, reference, day):
    other = Reference.learn(world.rows(9, n=8_000), world.settings, "m2")
    one, two = summarise(reference, day)[0], summarise(other, day)[0]
    with pytest.raises(SummariesApart, match="drop the older"):
        one + two
    with pytest.raises(SummariesApart, match="summarise the rows again"):
        compare(reference, two)


def test_too_few_rows_are_no_reference(world):
    with pytest.raises(ReferenceRefused, match="got 20"):
        Reference.learn(world.rows(1, n=20), world.settings)
