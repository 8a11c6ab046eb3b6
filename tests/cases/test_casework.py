import uuid
from datetime import timedelta

import pytest

from include.alerts.alert import Severity
from include.cases.actions import apply
from include.cases.case import Action, Case, Status
from include.cases.deadlines import sweep
from include.cases.errors import ActionRefused, CaseChanged, NoSuchAlert
from tests.alerts.examples import NOON
from tests.cases.examples import LATER, deed, fresh_alert, query
from tests.cases.world import Killed, World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def alert(world):
    one = fresh_alert()
    world.raised(one)
    return one


def test_a_disposition_is_a_label_a_row_and_a_record(world, alert):
    case = world.casework.act(alert.alert_id, deed(Action.CONFIRM_FRAUD))
    (label,) = world.labels
    assert (label.transaction_id, label.is_fraud, label.source) == (alert.transaction_id, True, "ANALYST")
    assert label.labelled_at == LATER
    (row,) = world.queue.page(query()).entries
    assert (row.status, row.assignee, row.version) == (Status.CONFIRMED, "analyst", 1)
    assert world.recorded == [("confirm_fraud", 1)]
    assert world.casework.current([alert.alert_id]) == {alert.alert_id: case}


def test_what_is_no_disposition_is_no_label(world, alert):
    for action in (Action.ASSIGN, Action.COMMENT, Action.SNOOZE):
        world.casework.act(alert.alert_id, deed(action))
    assert world.labels == []
    assert len(world.recorded) == 3


def test_two_people_cannot_both_decide(world, alert):
    world.casework.act(alert.alert_id, deed(Action.DISMISS), version=0)
    with pytest.raises(CaseChanged, match="analyst meanwhile"):
        world.casework.act(alert.alert_id, deed(Action.CONFIRM_FRAUD, actor="other"), version=0)
    assert [label.is_fraud for label in world.labels] == [False]


def test_who_loses_the_race_changes_nothing(world, alert, monkeypatch):
    monkeypatch.setattr(world.cases, "append", lambda events: [False] * len(events))
    with pytest.raises(CaseChanged, match="same moment"):
        world.casework.act(alert.alert_id, deed(Action.DISMISS))
    assert world.labels == world.recorded == []


def test_each_of_many_has_its_own_outcome(world, alert):
    closed, nobody = fresh_alert(), uuid.uuid4()
    world.raised(closed)
    world.casework.act(closed.alert_id, deed(Action.DISMISS))
    outcomes = world.casework.act_on_all(
        {alert.alert_id: None, closed.alert_id: None, nobody: None}, deed(Action.CONFIRM_FRAUD)
    )
    assert isinstance(outcomes[alert.alert_id], Case)
    assert isinstance(outcomes[closed.alert_id], ActionRefused)
    assert isinstance(outcomes[nobody], NoSuchAlert)


STEPS = ("queue", "labels", "record", "finish")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("action", [Action.CONFIRM_FRAUD, Action.DISMISS])
def test_what_a_killed_process_began_is_finished(world, alert, monkeypatch, step, action):
    def killed(*_):
        raise Killed

    with monkeypatch.context() as broken:
        target = {"queue": (world.queue, "put"), "finish": (world.cases, "finish")}.get(step)
        broken.setattr(*(target or (world, {"labels": "_send", "record": "_record"}[step])), killed)
        assert world.casework.act(alert.alert_id, deed(action)).version == 1  # the decision stands
    assert world.casework.finish_abandoned(LATER + timedelta(minutes=1)) == (1, 0)
    assert world.casework.finish_abandoned(LATER + timedelta(minutes=1)) == (0, 0)
    assert {label.is_fraud for label in world.labels} == {action is Action.CONFIRM_FRAUD}
    assert len({(one.transaction_id, one.labelled_at) for one in world.labels}) == 1
    assert set(world.recorded) == {(action.value, 1)}
    (row,) = world.queue.page(query()).entries
    assert row.version == 1


def test_what_is_under_way_is_left_alone(world, alert):
    event = apply(Case(alert.alert_id), deed(Action.ASSIGN))
    world.cases.append([event])
    assert world.casework.finish_abandoned(LATER) == (0, 0)


DEADLINES = {Severity.HIGH: timedelta(minutes=30), Severity.CRITICAL: timedelta(minutes=10)}


def swept(world, minutes):
    told = []
    done = sweep(world.casework, DEADLINES, told.extend, NOON + timedelta(minutes=minutes))
    return done, {one.alert.alert_id for one in told}


def test_what_nobody_took_is_escalated_once(world):
    high, critical, medium = (
        fresh_alert(severity=one) for one in (Severity.HIGH, Severity.CRITICAL, Severity.MEDIUM)
    )
    taken = fresh_alert(severity=Severity.CRITICAL)
    world.raised(high, critical, medium, taken)
    world.casework.act(taken.alert_id, deed(Action.ASSIGN))
    assert swept(world, 9)[1] == set()
    assert swept(world, 11)[1] == {critical.alert_id}
    done, told = swept(world, 31)
    assert (done.escalated, told) == (1, {high.alert_id})
    assert swept(world, 60)[0].escalated == 0
    case = world.casework.current([critical.alert_id])[critical.alert_id]
    assert (case.status, case.changed_by) == (Status.ESCALATED, "deadline")


def test_whoever_is_told_is_told_before_the_case_says_so(world, alert):
    def away(_):
        raise Killed

    with pytest.raises(Killed):
        sweep(world.casework, DEADLINES, away, NOON + timedelta(hours=2))
    assert swept(world, 120)[1] == {alert.alert_id}


def test_more_than_a_page_is_escalated(world):
    alerts = [fresh_alert(severity=Severity.CRITICAL) for _ in range(1_100)]
    world.raised(*alerts)
    assert swept(world, 11)[0].escalated == 1_100


def test_a_snooze_ends(world, alert):
    world.casework.act(alert.alert_id, deed(Action.SNOOZE, until=NOON + timedelta(minutes=20)))
    assert swept(world, 19)[0].woken == 0
    assert swept(world, 20)[0].woken == 1
    assert swept(world, 21)[0].woken == 0
    assert world.casework.current([alert.alert_id])[alert.alert_id].status is Status.OPEN


def test_one_action_that_cannot_be_finished_stops_nothing_else(world, alert, monkeypatch):
    other, late = fresh_alert(), fresh_alert(severity=Severity.CRITICAL)
    world.raised(other, late)

    def away(*_):
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(world, "_send", away)
        world.casework.act(alert.alert_id, deed(Action.DISMISS))
        world.casework.act(other.alert_id, deed(Action.ASSIGN))
        done, told = swept(world, 60)
        assert (done.escalated, done.finished, done.failed) == (1, 0, 1)
        assert told == {late.alert_id}
    assert (swept(world, 61)[0].finished, len(world.labels)) == (1, 1)


def test_an_action_on_an_alert_that_is_not_kept_any_more_is_closed(world):
    gone = fresh_alert()
    world.cases.append([apply(Case(gone.alert_id), deed(Action.ASSIGN))])
    assert swept(world, 60)[0].finished == 0
    assert world.cases.unfinished(NOON + timedelta(days=1)) == []


def test_who_gives_an_alert_back_starts_its_deadline_anew(world):
    critical = fresh_alert(severity=Severity.CRITICAL)
    world.raised(critical)
    world.casework.act(critical.alert_id, deed(Action.ASSIGN, at=NOON + timedelta(minutes=5)))
    world.casework.act(critical.alert_id, deed(Action.RELEASE, at=NOON + timedelta(minutes=20)))
    assert swept(world, 25)[1] == set()
    assert swept(world, 31)[1] == {critical.alert_id}


def test_a_second_lapse_is_told_of_as_well(world):
    critical = fresh_alert(severity=Severity.CRITICAL)
    world.raised(critical)
    told = []
    sweep(world.casework, DEADLINES, told.extend, NOON + timedelta(minutes=11))
    world.casework.act(critical.alert_id, deed(Action.ASSIGN, at=NOON + timedelta(minutes=12)))
    world.casework.act(critical.alert_id, deed(Action.RELEASE, at=NOON + timedelta(minutes=13)))
    sweep(world.casework, DEADLINES, told.extend, NOON + timedelta(minutes=24))
    assert [one.alert.alert_id for one in told] == [critical.alert_id] * 2
    assert len({one.version for one in told}) == 2
    assert told[0].at == critical.raised_at + timedelta(minutes=10)
    assert told[1].at == NOON + timedelta(minutes=23)


@pytest.mark.parametrize("severity", [Severity.LOW, Severity.CRITICAL])
@pytest.mark.parametrize("action", [Action.ESCALATE, Action.ANSWER_FRAUD])
def test_what_people_escalate_is_told_of_until_somebody_has_it(world, severity, action):
    one = fresh_alert(severity=severity)
    world.raised(one)
    assert swept(world, 1)[1] == set()
    case = world.casework.act(one.alert_id, deed(action, at=NOON + timedelta(minutes=2)))
    assert case.status is Status.ESCALATED
    told = []
    for minute in (3, 4, 60):
        sweep(world.casework, DEADLINES, told.extend, NOON + timedelta(minutes=minute))
    assert {(each.alert.alert_id, each.version) for each in told} == {(one.alert_id, case.version)}
    world.casework.act(one.alert_id, deed(Action.COMMENT, at=NOON + timedelta(minutes=61)))
    sweep(world.casework, DEADLINES, told.extend, NOON + timedelta(minutes=62))
    assert {each.version for each in told} == {case.version}, "a comment escalates nothing anew"
    world.casework.act(one.alert_id, deed(Action.ASSIGN, at=NOON + timedelta(minutes=63)))
    assert swept(world, 64)[1] == set()


def repeat_of(alert):
    return fresh_alert(account_id=alert.account_id, raised_at=alert.raised_at + timedelta(seconds=1))


@pytest.mark.parametrize("action", [Action.CONFIRM_FRAUD, Action.DISMISS])
def test_what_is_decided_about_an_alert_is_decided_about_its_repeats(world, alert, action):
    repeats = [repeat_of(alert) for _ in range(3)]
    world.raised(*repeats)
    own = fresh_alert(account_id=alert.account_id, severity=Severity.CRITICAL)
    world.raised(own)
    world.casework.act(repeats[0].alert_id, deed(Action.REOPEN))
    world.casework.act(alert.alert_id, deed(action))
    is_fraud = action is Action.CONFIRM_FRAUD
    labelled = {label.transaction_id: label.is_fraud for label in world.labels}
    assert labelled == {one.transaction_id: is_fraud for one in (alert, *repeats[1:])}
    history = world.cases.history(repeats[1].alert_id)
    assert str(alert.alert_id) in history[-1].deed.comment


def test_a_customer_speaks_of_one_transaction(world, alert):
    repeat = repeat_of(alert)
    world.raised(repeat)
    world.casework.act(alert.alert_id, deed(Action.ANSWER_GENUINE, actor="customer"))
    assert [label.transaction_id for label in world.labels] == [alert.transaction_id]
    assert world.casework.current([repeat.alert_id])[repeat.alert_id].status is Status.OPEN


def test_repeats_are_decided_though_the_process_died(world, alert, monkeypatch):
    repeat = repeat_of(alert)
    world.raised(repeat)
    with monkeypatch.context() as broken:
        broken.setattr(world, "_record", lambda *_: 1 / 0)
        world.casework.act(alert.alert_id, deed(Action.DISMISS))
    for _ in range(2):
        world.casework.finish_abandoned(LATER + timedelta(minutes=1))
    assert world.casework.current([repeat.alert_id])[repeat.alert_id].status is Status.DISMISSED
    assert {label.transaction_id for label in world.labels} == {alert.transaction_id, repeat.transaction_id}


@pytest.mark.parametrize("replayed", [False, True])
def test_nothing_stays_joined_to_what_was_decided_in_the_same_moment(world, alert, monkeypatch, replayed):
    """The analyst decides after the intake has looked at the leader, and before the joining stands."""
    repeat, decide = repeat_of(alert), world.handlings.decide

    def crowded(handlings, leaders):
        monkeypatch.setattr(world.handlings, "decide", decide)
        world.casework.act(alert.alert_id, deed(Action.DISMISS))
        decide(handlings, leaders)
        if replayed:
            raise Killed

    monkeypatch.setattr(world.handlings, "decide", crowded)
    if replayed:
        with pytest.raises(Killed):
            world.raised(repeat)
    world.raised(repeat)
    assert world.casework.current([repeat.alert_id])[repeat.alert_id].status is Status.OPEN
    assert world.handlings.handlings([repeat.alert_id])[repeat.alert_id].told
