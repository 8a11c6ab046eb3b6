"""A person is taken out of Cassandra: what law keeps stays, others' rows stay, and the audit holds row by row."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from include.alerts.contacts import simulated_customers
from include.alerts.delivery import CUSTOMER, STAFF, delivery_id_for
from include.cases.actions import apply
from include.cases.case import Action, Case
from include.governance.audit import record_action
from include.governance.erasures import APPROVED
from include.governance.verify import verify_audit
from include.pipeline.loading import load
from include.privacy import erasing
from include.privacy.erasure import open_erasure
from include.stores.cassandra.alerts import CassandraAlertStore
from include.stores.cassandra.audit import CassandraAuditStore, witness
from include.stores.cassandra.cases import CassandraCaseStore
from include.stores.cassandra.customers import CassandraCustomerStore
from include.stores.cassandra.erasing import BY_LAW, UNDECIDED, CassandraEraser
from include.stores.cassandra.labels import CassandraLabelStore
from include.stores.cassandra.loader import load_batch
from include.stores.cassandra.outbox import CassandraOutboxStore
from include.stores.cassandra.state import CassandraStateStore
from include.stores.lake.ledger import Stage
from include.transactions.labels import LabelEvent
from tests.alerts.examples import alert, delivery
from tests.cases.examples import deed
from tests.pipeline.audited_bank import BATCHES, copy_of, template
from tests.stores.cassandra.keyspaces import own_keyspace

pytestmark = pytest.mark.servers

MIGRATIONS = range(2, 13)
NOW = datetime.now(UTC)


def everything(session):
    """Every row of every table, as text."""
    names = session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (session.keyspace,)
    )
    return {
        name: [repr(tuple(row)) for row in session.execute(f"SELECT * FROM {name}")]  # noqa: S608
        for (name,) in list(names)
    }


@pytest.fixture
def session(request):
    with own_keyspace(request.getfixturevalue("cassandra_address"), MIGRATIONS) as address:
        made = address.connect()
        yield made
        made.cluster.shutdown()


@pytest.fixture
def bank(session, tmp_path_factory):
    """Three batches, loaded; the lake says that every stage has done them."""
    folder = tmp_path_factory.getbasetemp() / "audited"
    made = copy_of(template(folder), tmp_path_factory.mktemp("erased") / "audited")
    load(
        made.ledger.due(Stage.STORED),
        made.ledger,
        made.lake,
        lambda table, batch: load_batch(session, table, batch).transactions,
        lambda record: witness(session, record),
    )
    for batch in range(BATCHES):
        made.ledger.complete(Stage.ALERTED, batch, {})
    return made


@pytest.fixture
def person(bank):
    rows = [row for batch in range(BATCHES) for row in bank.scored(batch).to_pylist()]
    customer = Counter(row["customer_id"] for row in rows).most_common(1)[0][0]
    return next(row for row in rows if row["customer_id"] == customer)


@pytest.fixture
def alerts(session, person):
    """One dismissed, one confirmed, one that nobody has looked at, each told to staff and to the customer."""
    store, cases, outbox = (
        CassandraAlertStore(session),
        CassandraCaseStore(session),
        CassandraOutboxStore(session),
    )
    made = [
        alert(
            number,
            account_id=person["account_id"],
            customer_id=person["customer_id"],
            raised_at=NOW - timedelta(minutes=number),
        )
        for number in (1, 2, 3)
    ]
    store.put(made)
    for one, action in zip(made, (Action.DISMISS, Action.CONFIRM_FRAUD), strict=False):
        cases.append([apply(Case(one.alert_id), deed(action))])
    for one in made:
        for audience, to in ((STAFF, "desk@bank.example"), (CUSTOMER, "person@customer.example")):
            told = delivery(
                one, audience=audience, recipient=to, delivery_id=delivery_id_for(one.alert_id, "email", to)
            )
            outbox.enqueue([told])
            claimed = outbox.claim(told, NOW, 60)
            outbox.delivered(claimed, NOW, "vendor-1")
    return made


def _erase(bank, session, person, run="run"):
    plan = open_erasure(bank.lake, run, person["customer_id"], [], "request 17", "ann")
    record_action(bank.lake, "bob", APPROVED, plan.request, {})
    erasing.erase_lake(bank.lake, plan, lambda record: witness(session, record))
    eraser = CassandraEraser(session, plan.accounts)
    erasing.erase_stores(bank.lake, plan, eraser)
    return plan, eraser.outcome


def test_what_law_keeps_stays_and_nothing_else(bank, session, person, alerts):
    account, customer = person["account_id"], person["customer_id"]
    CassandraCustomerStore(session).put(
        [dataclasses.replace(next(simulated_customers([customer])), email="person@customer.example")]
    )
    CassandraStateStore(session).write("account", {account: b"x", "SOMEBODY-ELSE": b"y"}, 1)
    CassandraLabelStore(session).put([LabelEvent(person["transaction_id"], account, False, "ANALYST", NOW)])
    others = {
        name: sorted(row for row in rows if f"'{account}'" not in row and "person@customer" not in row)
        for name, rows in everything(session).items()
        if name not in ("audit", "case_events")
    }
    plan, outcome = _erase(bank, session, person)
    assert outcome.kept == {BY_LAW: 1, UNDECIDED: 1}
    after = everything(session)
    found = {name for name, rows in after.items() if any(f"'{account}'" in row for row in rows)}
    assert found == {"alerts", "alerts_by_day", "alerts_by_account"}
    kept = {one.alert_id for one in CassandraAlertStore(session).by_account(account)}
    assert kept == {alerts[1].alert_id, alerts[2].alert_id}
    assert CassandraCaseStore(session).history(alerts[0].alert_id) == []
    assert not any("person@customer.example" in row for rows in after.values() for row in rows)
    assert any("desk@bank.example" in row for row in after["outbox"])
    assert CassandraCustomerStore(session).get_many([customer]) == {}
    (label,) = CassandraLabelStore(session).get_many([person["transaction_id"]])[person["transaction_id"]]
    assert label.account_id == plan.accounts[account]

    token = plan.accounts[account]
    for name, rows in others.items():
        mine = [row for row in after[name] if f"'{token}'" not in row and f"'{account}'" not in row]
        missing = set(rows) - set(mine)
        # Totals of the person as a counterparty and the dismissed alert's rows are theirs.
        assert missing == set(), f"{name}: {sorted(missing)[:2]}"


def test_the_audit_holds_row_by_row_and_again_changes_nothing(bank, session, person, alerts):
    _erase(bank, session, person)
    result = verify_audit(bank.lake, CassandraAuditStore(session))
    assert result.problems == []
    assert result.rows_compared
    assert result.erased
    before = everything(session)
    _, outcome = _erase(bank, session, person)
    assert sum(outcome.removed.values()) == 0
    assert {name: sorted(rows) for name, rows in everything(session).items()} == {
        name: sorted(rows) for name, rows in before.items()
    }


def test_a_message_that_is_under_way_is_left_and_told(bank, session, person):
    one = alert(7, account_id=person["account_id"], raised_at=NOW)
    CassandraAlertStore(session).put([one])
    CassandraCaseStore(session).append([apply(Case(one.alert_id), deed(Action.DISMISS))])
    CassandraOutboxStore(session).enqueue(
        [delivery(one, audience=CUSTOMER, recipient="person@customer.example")]
    )
    _, outcome = _erase(bank, session, person)
    assert [why for why in outcome.kept if "ask again" in why]
    assert any("person@customer.example" in row for row in everything(session)["outbox"])
