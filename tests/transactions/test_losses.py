"""What counts as lost: exactly the offsets that nobody processed and nobody can."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from include.transactions.losses import Extent, Known, Lost, standing

offsets = st.integers(0, 50)


def test_nothing_is_lost_where_the_topic_still_has_what_comes_next() -> None:
    found = standing({0: 5, 1: 0}, Extent("a", {0: 5, 1: 0}, {0: 9, 1: 3}), Known("a"))
    assert (found.lost, found.moved, found.resume) == ((), False, {0: 5, 1: 0})


def test_retention_takes_exactly_what_lies_before_the_beginning() -> None:
    found = standing({0: 5, 1: 7}, Extent("a", {0: 8, 1: 7}, {0: 8, 1: 9}), Known("a"))
    assert [(one.partition, one.first, one.until) for one in found.lost] == [(0, 5, 8)]
    assert (found.count, found.resume, found.moved) == (3, {0: 8, 1: 7}, True)
    assert "partition 0: offsets 5 to 7" in str(found.lost[0])


def test_a_partition_nobody_has_read_from_begins_where_it_begins() -> None:
    found = standing({}, Extent("a", {0: 100}, {0: 200}))
    assert (found.lost, found.moved, found.resume) == ((), False, {})


def test_a_topic_made_again_is_known_by_its_id_even_when_it_has_grown_past_the_place() -> None:
    found = standing({0: 5}, Extent("b", {0: 0}, {0: 50}), Known("a", {0: 9}))
    assert [(one.first, one.until) for one in found.lost] == [(5, 9)]
    assert found.resume == {0: 0}
    nothing_open = standing({0: 5}, Extent("b", {0: 0}, {0: 50}), Known("a", {0: 5}))
    assert (nothing_open.lost, nothing_open.moved) == ((), True)


def test_a_topic_made_again_with_fewer_partitions() -> None:
    found = standing({0: 5, 1: 5}, Extent("b", {0: 0}, {0: 1}), Known("a", {0: 5, 1: 6}))
    assert [(one.partition, one.first, one.until) for one in found.lost] == [(1, 5, 6)]
    assert found.resume == {0: 0}


def test_a_truncated_log_is_read_from_its_new_end() -> None:
    found = standing({0: 9}, Extent("a", {0: 0}, {0: 6}), Known("a", {0: 12}))
    assert [(one.first, one.until) for one in found.lost] == [(9, 12)]
    assert found.resume == {0: 6}


@given(reached=offsets, begins=offsets, holds=offsets)
def test_lost_and_readable_are_what_was_not_processed(reached: int, begins: int, holds: int) -> None:
    """Of one topic, whatever retention takes: what comes after the place is either lost or still to be read."""
    end = begins + holds
    found = standing({0: reached}, Extent("a", {0: begins}, {0: end}), Known("a", {0: max(end, reached)}))
    lost = {offset for one in found.lost for offset in range(one.first, one.until)}
    readable = set(range(max(found.resume[0], begins), end))
    if end >= reached:
        assert lost | readable == set(range(reached, end))
    assert not lost & readable
    again = standing(found.resume, Extent("a", {0: begins}, {0: end}), Known("a", {0: end}))
    assert (again.moved, again.lost) == (False, ())


def test_a_loss_can_be_counted() -> None:
    assert Lost(0, 5, 8, "why").count == 3
