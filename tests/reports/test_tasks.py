"""The tasks of ``build_reports``: on a real Cassandra, with mails to a real server."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.alerts.delivery import DeliveryState
from include.cases.actions import apply
from include.cases.case import Action, Case
from include.cases.queue import QueueEntry
from include.cases.suppressions import Scope, suppress
from include.local.mailbox import Mailbox
from include.orchestration import reporting
from include.orchestration.reporting import build_reports, send_reports
from include.pipeline.customers import add_simulated
from include.pipeline.reporting import Sources, build
from include.reports.archive import read_report
from include.reports.periods import Period
from include.stores.cassandra.alert_queue import CassandraQueueStore
from include.stores.cassandra.cases import CassandraCaseStore
from include.stores.cassandra.customers import CassandraCustomerStore
from include.stores.cassandra.outbox import CassandraOutboxStore
from include.stores.cassandra.suppressions import CassandraSuppressionStore
from tests.alerts.examples import delivery
from tests.cases.examples import deed, fresh_alert
from tests.reports.small_bank import SmallBank
from tests.reports.test_reporting import DAY, LATER

SUBSCRIBERS = [
    {"address": "head@bank.example", "language": "de"},
    {"address": "monthly@bank.example", "kinds": ["monthly"]},
]


@pytest.fixture
def mailbox(tmp_path, monkeypatch) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mail") as running:
        connection = {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": running.smtp_port,
            "extra": {"from_email": "desk@bank.example", "disable_ssl": True, "disable_tls": True},
        }
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
        monkeypatch.setenv("AIRFLOW_VAR_REPORT_SUBSCRIBERS", json.dumps(SUBSCRIBERS))
        yield running


@pytest.fixture
def at_home(bank: SmallBank, monkeypatch) -> SmallBank:
    """The tasks' lake is that of the bank."""
    monkeypatch.setattr(
        reporting,
        "settings",
        lambda: SimpleNamespace(lake=bank.lake.uri, desk_url="https://bank.example/fraud-desk"),
    )
    monkeypatch.setattr(reporting, "datetime", SimpleNamespace(now=lambda zone: LATER + timedelta(days=1)))
    return bank


def _made(bank: SmallBank, period: Period) -> None:
    build(bank.lake, period, Sources(), LATER)


def test_figures_are_mailed_once_and_others_again(at_home: SmallBank, mailbox: Mailbox) -> None:
    _made(at_home, DAY)
    assert send_reports() == 1
    _made(at_home, DAY)
    assert send_reports() == 0
    (mail,) = mailbox.store.newest(10)
    content = (mailbox.store.read(mail.key) or b"").decode()
    assert "head@bank.example" in content
    assert "/fraud-desk/reports/daily/2026-11-03/report.html" in content.replace("=\r\n", "").replace(
        "=\n", ""
    )
    alert = next(row for row in at_home.within(DAY.since, DAY.until) if row["decision"] == "ALERT")
    known = dict(at_home.verdicts).get(alert["transaction_id"], False)
    at_home.tell(LATER, (alert["transaction_id"], not known))
    _made(at_home, DAY)
    assert send_reports() == 1
    assert len(mailbox.store.newest(10)) == 2


def test_a_period_that_is_not_over_is_not_mailed(at_home: SmallBank, mailbox: Mailbox) -> None:
    build(at_home.lake, DAY, Sources(), DAY.since + timedelta(hours=9))
    assert send_reports() == 0
    assert mailbox.store.newest(10) == []


def test_nothing_due_is_no_event(lake, monkeypatch) -> None:
    monkeypatch.setattr(reporting, "settings", lambda: SimpleNamespace(lake=lake.uri))
    with pytest.raises(AirflowSkipException):
        build_reports({"kind": "", "period": ""})


@pytest.mark.servers
def test_a_day_on_cassandra(at_home: SmallBank, cassandra_session, cassandra_address, monkeypatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_CASSANDRA_DEFAULT",
        json.dumps(
            {
                "conn_type": "cassandra",
                "host": cassandra_address.contact_points[0],
                "port": cassandra_address.port,
                "schema": cassandra_address.keyspace,
            }
        ),
    )
    ids = [row["customer_id"] for row in at_home.within(DAY.since, DAY.until) if row["customer_id"]]
    add_simulated(ids, CassandraCustomerStore(cassandra_session))
    # A day of its own: the keyspace outlives the test.
    moment = DAY.since + timedelta(hours=9)
    one = fresh_alert(raised_at=moment)
    event = apply(Case(one.alert_id), deed(Action.CONFIRM_FRAUD, at=moment + timedelta(minutes=5)))
    CassandraCaseStore(cassandra_session).append([event])
    CassandraQueueStore(cassandra_session).put([QueueEntry.of(one, event.case)])
    outbox = CassandraOutboxStore(cassandra_session)
    outbox.enqueue([dataclasses.replace(delivery(one), created_at=moment, delivery_id=uuid.uuid4())])
    (sent,) = outbox.of_alert(one.alert_id)
    claimed = outbox.claim(sent, moment, 60)
    assert claimed is not None
    outbox.delivered(claimed, one.arrived_at + timedelta(seconds=4), "v-1")
    snooze = suppress(Scope.RULE, f"r-{uuid.uuid4()}", "noisy", "ann", moment + timedelta(hours=1), moment)
    CassandraSuppressionStore(cassandra_session).put(snooze)

    monkeypatch.setattr(reporting, "datetime", SimpleNamespace(now=lambda zone: LATER))
    (made,) = build_reports({"kind": "daily", "period": DAY.name})
    report = read_report(at_home.lake, DAY)
    assert report is not None
    assert made["digest"] == report.digest
    assert report.cases is not None
    assert report.cases.standing("CONFIRMED") >= 1
    assert report.cases.to_disposition.count >= 1
    assert report.activity.channels is not None
    assert report.activity.channels["email"].states[DeliveryState.DELIVERED] >= 1
    assert snooze.value in [note.value for note in report.suppressions or ()]
    assert {"private", "premium", "business"} & set(report.activity.segments)
