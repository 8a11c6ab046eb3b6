from datetime import UTC, datetime, timedelta

from include.local.demo.facts import longest_gap

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _at(*seconds: float) -> list[datetime]:
    return [NOON + timedelta(seconds=second) for second in seconds]


def test_the_longest_gap_is_counted_from_the_first_record_to_the_batch_after_the_last() -> None:
    assert longest_gap(_at(2, 3, 7, 8), NOON, NOON + timedelta(seconds=7.5)) == 4
    assert longest_gap(_at(5, 6), NOON, NOON + timedelta(seconds=5.5)) == 5  # the wait for the first batch
    assert (
        longest_gap(_at(1, 2, 9), NOON, NOON + timedelta(seconds=3)) == 7
    )  # the last record's batch came late


def test_what_comes_after_the_stream_is_no_gap() -> None:
    assert longest_gap(_at(1, 2, 60), NOON, NOON + timedelta(seconds=1.5)) == 1


def test_without_a_batch_there_is_nothing_to_measure() -> None:
    assert longest_gap([], NOON, NOON) is None
