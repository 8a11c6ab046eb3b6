from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.alerts.quiet_hours import WallHours

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = WallHours(time(22), time(7))
ZONES = [
    ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2026-01-10 20:59", "2026-01-10 20:59"),  # 21:59 in Berlin
        ("2026-01-10 21:00", "2026-01-11 06:00"),
        ("2026-01-11 02:00", "2026-01-11 06:00"),
        ("2026-01-11 05:59", "2026-01-11 06:00"),
        ("2026-01-11 06:00", "2026-01-11 06:00"),
        ("2026-07-10 20:30", "2026-07-11 05:00"),  # summer time
        ("2026-03-28 22:00", "2026-03-29 05:00"),  # the night summer time begins: an hour less
        ("2026-10-24 21:00", "2026-10-25 06:00"),  # the night it ends: an hour more
    ],
)
def test_a_night_in_berlin(at: str, end: str) -> None:
    assert NIGHT.end(utc(at), BERLIN) == utc(end)


def test_hours_within_a_day() -> None:
    siesta = WallHours(time(13), time(15, 30))
    assert siesta.end(utc("2026-01-10 12:30"), BERLIN) == utc("2026-01-10 14:30")
    assert siesta.end(utc("2026-01-10 14:30"), BERLIN) == utc("2026-01-10 14:30")
    assert not siesta.hold_at(utc("2026-01-10 11:59"), BERLIN)


def test_an_end_that_the_clocks_skip_is_when_they_are_put_forward() -> None:
    until_half_past_two = WallHours(time(22), time(2, 30))
    assert until_half_past_two.end(utc("2026-03-29 00:30"), BERLIN) == utc("2026-03-29 01:00")


def test_an_end_that_comes_twice_is_the_next_one() -> None:
    until_half_past_two = WallHours(time(22), time(2, 30))
    assert until_half_past_two.end(utc("2026-10-25 00:10"), BERLIN) == utc("2026-10-25 00:30")
    assert until_half_past_two.end(utc("2026-10-25 01:10"), BERLIN) == utc("2026-10-25 01:30")


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.sampled_from(ZONES),
)
@settings(max_examples=400)
def test_the_end_is_outside_the_hours_and_never_far(
    moment: datetime, begin: int, until: int, zone: ZoneInfo
) -> None:
    if begin == until:
        return
    hours = WallHours(time(*divmod(begin, 60)), time(*divmod(until, 60)))
    end = hours.end(moment, zone)
    assert moment <= end <= moment + timedelta(hours=25)
    assert (end > moment) == hours.hold_at(moment, zone)
    assert not hours.hold_at(end, zone)
    assert hours.end(end, zone) == end
