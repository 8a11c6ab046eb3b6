from datetime import timedelta

import pytest

from include.adaptation.drift import Alarm, Kind, OutcomeLog, Reference, carry_on, summarise, watch
from include.adaptation.page import alarms_page

CHANGED = 5  # day


@pytest.fixture(scope="module")
def reference(world, usual) -> Reference:
    return Reference.learn(usual, world.settings, "m1")


@pytest.fixture(scope="module")
def summaries(world, reference):
    days = [world.rows(day, n=2_500, day=day, times=1 if day < CHANGED else 2.5) for day in range(8)]
    return [summary for day in days for summary in summarise(reference, day)]


@pytest.fixture(scope="module")
def look(world, reference, summaries):
    return lambda day: watch(
        reference, summaries, OutcomeLog(), world.start + timedelta(days=day), world.settings
    )


def about(alarms, segment="all"):
    return next(alarm for alarm in alarms if alarm.subject == "amount_value" and alarm.segment == segment)


def test_nothing_is_told_before_the_change(look):
    assert all(look(day) == [] for day in range(CHANGED + 1))


def test_a_change_is_told_the_same_day_with_its_onset(world, look):
    alarm = about(look(CHANGED + 1))
    onset = world.start + timedelta(days=CHANGED)
    assert abs(alarm.since - onset) <= timedelta(hours=3)
    assert alarm.noticed_at == onset + timedelta(days=1)
    assert alarm.confidence > 0.999
    assert alarm.model_version == "m1"
    values = [point.value for point in alarm.series]
    assert len(values) == CHANGED + 1
    assert max(values[:-1]) < 0.05 < 0.2 < values[-1]


def test_looking_twice_gives_the_same_and_later_looks_go_on_with_it(look):
    first = look(CHANGED + 1)
    assert look(CHANGED + 1) == first
    later = look(CHANGED + 2)
    assert about(later).id != about(first).id
    going_on = about(carry_on(first, later))
    assert (going_on.id, going_on.since) == (about(first).id, about(first).since)
    assert going_on.value == about(later).value
    assert carry_on(later, first) != later


def test_an_alarm_survives_json(look):
    for alarm in look(CHANGED + 1):
        assert Alarm.model_validate_json(alarm.model_dump_json()) == alarm


def test_the_order_of_summaries_does_not_matter(world, reference, summaries):
    now = world.start + timedelta(days=8)
    one = watch(reference, summaries, OutcomeLog(), now, world.settings)
    assert watch(reference, summaries[::-1], OutcomeLog(), now, world.settings) == one


def test_summaries_of_an_earlier_reference_are_left_out(world, look, summaries):
    other = Reference.learn(world.rows(9, n=9_000, times=2.5), world.settings, "m2")
    now = world.start + timedelta(days=8)
    assert watch(other, summaries, OutcomeLog(), now, world.settings) == []


def test_the_page_tells_alarms_with_a_plot_and_escapes(look):
    alarms = look(CHANGED + 1)
    page = alarms_page([alarms[0].model_copy(update={"sentence": "a <b> c"}), *alarms[1:]])
    assert page.count("<svg") == len(alarms)
    assert "a &lt;b&gt; c" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "Nothing has changed" in alarms_page([])


def test_kinds_have_names_for_the_page(look):
    assert {alarm.kind for alarm in look(CHANGED + 2)} == {Kind.FEATURE}
