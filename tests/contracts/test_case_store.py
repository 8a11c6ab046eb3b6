"""What every store of casework keeps to."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.alerts.alert import Severity
from include.cases.actions import apply
from include.cases.case import Action, Case, Status, Worklist
from include.cases.errors import QueryRefused
from include.cases.handling import Handling, Leader
from include.cases.queue import Ordering
from include.cases.suppressions import Scope, suppress
from include.stores.memory import cases as memory
from tests.alerts.examples import NOON
from tests.cases.examples import deed, entry, moved, query


@pytest.fixture(params=["memory", pytest.param("cassandra", marks=pytest.mark.servers)])
def make(request):
    """Makes a store of the kind of its name."""

    def store(kind):
        if request.param == "memory":
            return getattr(memory, f"Memory{kind}Store")()
        from include.stores.cassandra import alert_queue, cases, suppressions

        session = request.getfixturevalue("cassandra_session")
        for module in (cases, alert_queue, suppressions):
            if found := getattr(module, f"Cassandra{kind}Store", None):
                return found(session)
        raise AssertionError(kind)

    return store


@pytest.fixture
def events():
    """Two events of one case, in order."""
    first = apply(Case(uuid.uuid4()), deed(Action.ASSIGN))
    return [first, apply(first.case, deed(Action.SNOOZE))]


def test_a_case_is_as_its_newest_event_left_it(make, events):
    store = make("Case")
    assert store.append(events[:1]) == [True]
    assert store.append(events[1:]) == [True]
    assert store.cases([events[0].alert_id, uuid.uuid4()]) == {events[0].alert_id: events[1].case}
    assert store.history(events[0].alert_id) == events


def test_a_number_is_taken_once(make, events):
    store = make("Case")
    rival = apply(Case(events[0].alert_id), deed(Action.CONFIRM_FRAUD, actor="another"))
    assert store.append(events[:1]) == [True]
    assert store.append([rival]) == [False]
    assert store.append([events[0]]) == [False]
    assert store.history(events[0].alert_id) == events[:1]


def test_an_event_is_unfinished_until_it_is_finished(make, events):
    store = make("Case")
    store.append(events[:1])
    late = NOON + timedelta(minutes=2)

    def waiting():
        return [one for one in store.unfinished(late) if one.alert_id == events[0].alert_id]

    assert events[0] not in store.unfinished(NOON)
    assert waiting() == events[:1]
    store.finish(events[:1])
    store.finish(events[:1])
    assert waiting() == []


def test_what_a_rival_lost_is_not_unfinished(make, events):
    store = make("Case")
    store.append(events[:1])
    store.append([apply(Case(events[0].alert_id), deed(Action.DISMISS, actor="late"))])
    mine = [one for one in store.unfinished(NOON + timedelta(days=1)) if one.alert_id == events[0].alert_id]
    assert mine == events[:1]


def test_handlings_and_leaders_come_back(make):
    store, account = make("Handling"), f"A-{uuid.uuid4()}"
    lead, repeat, quiet = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    decided = [
        Handling(lead, account, lead), Handling(repeat, account, lead), Handling(quiet, account, quiet, uuid.uuid4()),
    ]  # fmt: skip
    leader = Leader(account, lead, Severity.HIGH, NOON + timedelta(microseconds=5))
    store.decide(decided, [leader])
    store.decide(decided, [leader])
    assert store.handlings([lead, repeat, quiet, uuid.uuid4()]) == {one.alert_id: one for one in decided}
    assert store.leaders([account, "nobody"]) == {account: leader}
    assert store.repeats([lead, quiet]) == {lead: [repeat]}


def test_an_older_leader_never_replaces_a_newer_one(make):
    store, account = make("Handling"), f"A-{uuid.uuid4()}"
    older = Leader(account, uuid.uuid4(), Severity.LOW, NOON)
    newer = Leader(account, uuid.uuid4(), Severity.HIGH, NOON + timedelta(microseconds=1))
    store.decide([], [newer])
    store.decide([], [older])
    assert store.leaders([account]) == {account: newer}


def test_a_row_of_the_queue_comes_back_and_follows_its_case(make):
    store = make("Queue")
    row = entry(customer_id=None, score=0.25, raised_at=NOON + timedelta(microseconds=3))
    mine = query(account_id=row.account_id)
    store.put([row])
    assert store.page(mine).entries == (row,)
    after = moved(row, apply(Case(row.alert_id), deed(Action.CONFIRM_FRAUD)).case)
    store.put([after])
    store.put([row])  # a replay
    assert store.page(mine).entries == (after,)
    assert store.page(query(account_id=row.account_id, worklist=Worklist.OPEN)).entries == ()
    assert store.page(query(account_id=row.account_id, worklist=Worklist.CLOSED)).entries == (after,)


def test_an_assignee_can_go(make):
    store = make("Queue")
    row = entry()
    held = apply(Case(row.alert_id), deed(Action.ASSIGN))
    store.put([moved(row, held.case)])
    freed = moved(row, apply(held.case, deed(Action.RELEASE)).case)
    store.put([freed])
    assert store.page(query(account_id=row.account_id)).entries == (freed,)
    assert freed.assignee is None


@pytest.mark.parametrize("ordering", Ordering)
def test_pages_go_through_everything_once_and_in_order(make, ordering):
    store, account = make("Queue"), f"A-{uuid.uuid4()}"
    rows = [
        entry(
            account_id=account,
            amount=Decimal(7 * i % 11 + 1),
            score=float("nan") if i == 3 else i % 5 / 5,
            severity=list(Severity)[i % 4],
            raised_at=NOON - timedelta(days=9 * i),  # over several months
        )
        for i in range(11)
    ]
    store.put(rows)
    found, after = [], None
    while True:
        page = store.page(
            query(
                account_id=account, ordering=ordering, since=NOON - timedelta(days=200), limit=3, after=after
            )
        )
        found += page.entries
        after = page.next_after
        if after is None:
            break
    positions = [row.position(ordering) for row in found]
    assert positions == sorted(positions, reverse=True)
    assert sorted(row.alert_id for row in found) == sorted(row.alert_id for row in rows)


FILTERS = {
    "status": list(Status),
    "worklist": list(Worklist),
    "severity": list(Severity),
    "typology": ["account_takeover", "mule_account"],
    "assignee": ["analyst", "somebody"],
    "amount_at_least": [Decimal(5)],
    "counterparty_id": ["M-1", "M-2"],
}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_page_holds_what_the_question_takes(make, data):
    store, account = make("Queue"), f"A-{uuid.uuid4()}"
    rows = []
    for _ in range(data.draw(st.integers(0, 6))):
        row = entry(
            account_id=account,
            typology=data.draw(st.sampled_from(FILTERS["typology"])),
            severity=data.draw(st.sampled_from(Severity)),
            amount=Decimal(data.draw(st.integers(1, 9))),
            counterparty_id=data.draw(st.sampled_from(FILTERS["counterparty_id"])),
        )
        action = data.draw(st.sampled_from([None, Action.ASSIGN, Action.DISMISS, Action.SNOOZE]))
        rows.append(moved(row, apply(Case(row.alert_id), deed(action)).case) if action else row)
    store.put(rows)
    names = data.draw(st.lists(st.sampled_from(sorted(FILTERS)), unique=True, max_size=3))
    asked = query(account_id=account, **{name: data.draw(st.sampled_from(FILTERS[name])) for name in names})
    assert {row.alert_id for row in store.page(asked).entries} == {r.alert_id for r in rows if asked.takes(r)}


def test_counts_are_of_the_time_asked_for(make):
    store = make("Queue")
    at = NOON - timedelta(days=uuid.uuid4().int % 20_000)
    row = entry(raised_at=at, severity=Severity.CRITICAL, amount=Decimal("12.5"))
    store.put([row, entry(raised_at=at + timedelta(microseconds=1))])
    found = store.counts(at, at + timedelta(microseconds=1))
    assert [(one.status, one.severity, one.count, one.unassigned, one.amount) for one in found] == [
        (Status.OPEN, Severity.CRITICAL, 1, 1, Decimal("12.5"))
    ]


@pytest.mark.parametrize("after", ["", "x", "9" * 60, "' OR 1=1"])
def test_a_cursor_that_is_none_is_refused(make, after):
    with pytest.raises(QueryRefused, match="begin anew"):
        make("Queue").page(query(after=after))


def test_suppressions_come_back_and_are_lifted(make):
    store = make("Suppression")
    one = suppress(
        Scope.ACCOUNT, f"A-{uuid.uuid4()}", "known trip", "analyst", NOON + timedelta(days=1), NOON
    )
    store.put(one)
    assert one in store.all()
    lifted = one.lifted("lead", NOON + timedelta(hours=1))
    store.put(lifted)
    assert lifted in store.all()
    assert one not in store.all()
