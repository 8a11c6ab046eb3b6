from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.cases.actions import LONGEST_COMMENT, LONGEST_SNOOZE, apply, possible
from include.cases.case import Action, Case, Status
from include.cases.errors import ActionRefused
from tests.alerts.examples import NOON, alert
from tests.cases.examples import LATER, deed

NEW = Case(alert(1).alert_id)


def done(*actions, case=NEW):
    for action in actions:
        case = apply(case, deed(action)).case
    return case


@pytest.mark.parametrize(
    ("actions", "status"),
    [
        ((), Status.OPEN),
        ((Action.ASSIGN,), Status.IN_REVIEW),
        ((Action.ASSIGN, Action.RELEASE), Status.OPEN),
        ((Action.ASSIGN, Action.SNOOZE), Status.SNOOZED),
        ((Action.ASSIGN, Action.SNOOZE, Action.WAKE), Status.IN_REVIEW),
        ((Action.SNOOZE, Action.WAKE), Status.OPEN),
        ((Action.ESCALATE,), Status.ESCALATED),
        ((Action.ESCALATE, Action.ASSIGN), Status.IN_REVIEW),
        ((Action.COMMENT,), Status.OPEN),
        ((Action.CONFIRM_FRAUD,), Status.CONFIRMED),
        ((Action.DISMISS,), Status.DISMISSED),
        ((Action.DISMISS, Action.REOPEN), Status.IN_REVIEW),
        ((Action.ANSWER_FRAUD,), Status.ESCALATED),
        ((Action.DISMISS, Action.ANSWER_FRAUD), Status.ESCALATED),
        ((Action.CONFIRM_FRAUD, Action.ANSWER_FRAUD), Status.CONFIRMED),
        ((Action.ANSWER_GENUINE,), Status.DISMISSED),
        ((Action.CONFIRM_FRAUD, Action.ANSWER_GENUINE), Status.CONFIRMED),
    ],
)
def test_what_a_case_becomes(actions, status):
    assert done(*actions).status is status


@pytest.mark.parametrize(
    ("before", "action"),
    [
        ((Action.CONFIRM_FRAUD,), Action.DISMISS),
        ((Action.DISMISS,), Action.ASSIGN),
        ((), Action.RELEASE),
        ((), Action.REOPEN),
        ((), Action.WAKE),
        ((Action.ESCALATE,), Action.ESCALATE),
    ],
)
def test_what_does_not_fit_is_refused(before, action):
    with pytest.raises(ActionRefused, match="look at it again"):
        done(*before, action)


@pytest.mark.parametrize("action", [Action.DISMISS, Action.ESCALATE, Action.COMMENT, Action.SNOOZE])
def test_some_need_a_reason(action):
    with pytest.raises(ActionRefused, match="says why"):
        apply(NEW, deed(action, comment="  "))


def test_a_reason_is_no_novel():
    with pytest.raises(ActionRefused, match="shorten"):
        apply(NEW, deed(Action.COMMENT, comment="x" * (LONGEST_COMMENT + 1)))


@pytest.mark.parametrize("until", [None, LATER, LATER.replace(tzinfo=None), LATER + LONGEST_SNOOZE * 2])
def test_a_snooze_ends(until):
    with pytest.raises(ActionRefused, match="choose another"):
        apply(NEW, deed(Action.SNOOZE, until=until))


def test_nobody_cannot_be_assigned():
    with pytest.raises(ActionRefused, match="name a user"):
        apply(NEW, deed(Action.ASSIGN, assignee=None))


@given(st.lists(st.tuples(st.sampled_from(Action), st.integers(-9, 9)), max_size=12))
def test_versions_have_no_gaps_and_times_never_go_back(steps):
    case = NEW
    for action, minutes in steps:
        at = NOON + timedelta(minutes=minutes)
        try:
            event = apply(case, deed(action, at=at, until=at + timedelta(hours=1)))
        except ActionRefused:
            continue
        assert event.case.version == case.version + 1
        assert event.deed.at == event.case.changed_at
        assert case.changed_at is None or event.case.changed_at > case.changed_at
        case = event.case


@given(st.lists(st.sampled_from(Action), max_size=6))
def test_what_is_offered_is_possible(actions):
    case = NEW
    for action in actions:
        try:
            case = apply(case, deed(action)).case
        except ActionRefused:
            continue
    for action in possible(case):
        apply(case, deed(action))
