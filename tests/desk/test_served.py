"""The desk on a running Airflow: its login, its connections, its real stores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cassandra.cluster import Session

from include.local.airflow_environment import address
from include.local.secrets import load_secrets
from include.orchestration.casework import intake_on
from include.settings import HOST, Settings
from include.stores.cassandra.address import CassandraAddress
from include.stores.cassandra.alerts import CassandraAlertStore
from include.stores.cassandra.cases import CassandraCaseStore
from include.stores.cassandra.migrations import migrate
from include.transactions.topics import ensure_topics, topic_specs
from tests.cases.examples import fresh_alert
from tests.conftest import KafkaServer

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.timeout(600)]

SignIn = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def served(servers: Settings) -> Settings:
    """Airflow's API server and what it needs."""
    from include.local import stack

    stack.up(servers, only=("kafka", "cassandra", "postgres", "api-server"))
    return servers


@pytest.fixture(scope="module")
def sign_in(served: Settings) -> Iterator[SignIn]:
    """A browser of a user, by way of Airflow's own login."""
    opened = []

    def browser(user: str) -> httpx.Client:
        client = httpx.Client(base_url=address(served), timeout=30)
        opened.append(client)
        answer = client.post(
            "/auth/token", json={"username": user, "password": getattr(load_secrets(served.stack_dir), user)}
        )
        client.cookies.set("_token", answer.json()["access_token"])
        client.headers["origin"] = address(served)
        return client

    yield browser
    for client in opened:
        client.close()


@pytest.fixture(scope="module")
def session(served: Settings, kafka: KafkaServer) -> Iterator[Session]:
    """The chain's own keyspace, migrated, and its topics."""
    where = CassandraAddress((HOST,), served.ports.cassandra, served.keyspace)
    first = where.connect(with_keyspace=False)
    migrate(first, where.keyspace, served.replication)
    first.cluster.shutdown()
    ensure_topics(kafka.bootstrap, topic_specs())
    session = where.connect()
    yield session
    session.cluster.shutdown()


def test_nobody_gets_in_without_airflows_login(served: Settings) -> None:
    answer = httpx.get(f"{address(served)}/fraud-desk/queue?sort=newest", timeout=30)
    assert answer.status_code == 303
    login = httpx.get(f"{address(served)}{answer.headers['location']}")
    assert login.headers["location"].startswith("/auth/login?next=%2Ffraud-desk%2Fqueue")
    for path in ("/fraud-desk/static/desk.js", "/fraud-desk/api/queue"):
        assert httpx.get(f"{address(served)}{path}", timeout=30).status_code == 401


def test_airflow_lists_it_in_its_navigation(sign_in: SignIn) -> None:
    plugins = sign_in("viewer").get("/api/v2/plugins")
    (desk,) = [one for one in plugins.json()["plugins"] if one["name"] == "fraud_desk"]
    assert desk["external_views"][0]["url_route"] == "fraud-desk"
    errors = sign_in("admin").get("/api/v2/plugins/importErrors").json()
    assert errors["import_errors"] == []


def test_an_alert_is_worked_on(sign_in: SignIn, session: Session) -> None:
    alert = fresh_alert(raised_at=datetime.now(UTC))
    CassandraAlertStore(session).put([alert])
    intake_on(session, timedelta(minutes=30)).take([alert])
    analyst = sign_in("analyst")
    ids = [
        row["alert_id"]
        for row in analyst.get("/fraud-desk/api/queue", params={"sort": "newest"}).json()["rows"]
    ]
    assert str(alert.alert_id) in ids
    for path in ("/", f"/alerts/{alert.alert_id}", f"/accounts/{alert.account_id}", "/suppressions"):
        answer = analyst.get(f"/fraud-desk{path}")
        assert answer.status_code == 200, answer.text
    act = f"/fraud-desk/api/alerts/{alert.alert_id}/act"
    body = {"action": "confirm_fraud", "comment": "not theirs", "version": 0}
    assert sign_in("viewer").post(act, json=body).status_code == 403
    assert analyst.post(act, json=body, headers={"origin": "https://evil.example"}).status_code == 403
    done = analyst.post(act, json=body)
    assert done.status_code == 200, done.text
    assert analyst.post(act, json=body).status_code == 409
    view = sign_in("viewer").get(f"/fraud-desk/api/alerts/{alert.alert_id}").json()
    assert [(one["actor"], one["action"]) for one in view["history"]] == [("analyst", "confirm_fraud")]
    # Label and audit record are written: nothing is left for the sweep.
    assert CassandraCaseStore(session).unfinished(datetime.now(UTC)) == []


def test_a_page_of_the_queue_is_quick(sign_in: SignIn, session: Session) -> None:
    viewer = sign_in("viewer")
    viewer.get("/fraud-desk/queue")
    taken = []
    for _ in range(20):
        begun = time.perf_counter()
        assert viewer.get("/fraud-desk/queue").status_code == 200
        taken.append(time.perf_counter() - begun)
    assert sorted(taken)[-2] < 0.3
