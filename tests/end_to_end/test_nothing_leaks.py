"""After a demo and the DAGs of every day: secrets stand in their vaults only, people's data in no log.

The embedded stack generates its secrets, so they are canaries by themselves; the connections that have none get one.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from include.alerts.contacts import Customer
from include.local.airflow_api import AirflowApi
from include.local.secrets import load_secrets
from include.privacy.retention import LAKE
from include.settings import HOST, Settings
from include.stores.cassandra.address import CassandraAddress
from include.stores.cassandra.customers import CassandraCustomerStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, batch_folder
from tests.end_to_end.demos import run_demo
from tests.end_to_end.written import (
    VAULTS,
    cassandra_rows,
    database_rows,
    files,
    found,
    lake_texts,
)

pytestmark = [pytest.mark.servers, pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1200)]

#: Passwords of connections that the embedded stack leaves empty, and extras that vendors' libraries take.
PLANTED = {
    "smtp_default": "canary-smtp-6f1c2a9d4e",
    "kafka_default": "canary-kafka-0b7d5e21ac",
    "canary_default": "canary-unused-77aa01bc42",
}
#: Of a customer whose row in the bank's file cannot be used.
BAD = {"customer": "DE-CANARY-000417", "e-mail": "canary@jane@customer.example", "phone": "0170-5550417"}
#: Databases' own files hold their data, encrypted or compressed; what they hold is read row by row.
DATA = ("postgres", "cassandra/data", "cassandra/commitlog", "kafka/data", "lake")


class Stack:
    """A stack that has worked, and all that it has written."""

    def __init__(self, now: Settings, reports: Path) -> None:
        self.now, self.reports = now, reports
        self.lake = Lake(now.lake)
        self.folder = now.stack_dir

    @property
    def secrets(self) -> dict[str, str]:
        generated = dataclasses.asdict(load_secrets(self.folder))
        return {**generated, **{f"password of {name}": text for name, text in PLANTED.items()}}

    @property
    def people(self) -> dict[str, str]:
        """Accounts and customers that have paid, and where these customers can be reached."""
        paths = [f"{Stage.ACCEPTED}/{name}/data.parquet" for name in self.lake.names(str(Stage.ACCEPTED))]
        tables = [
            self.lake.read_table(path, ["account_id", "customer_id"])
            for path in paths
            if self.lake.exists(path)
        ]
        accounts = {row for table in tables for row in table["account_id"].to_pylist()}
        ids = sorted({row for table in tables for row in table["customer_id"].to_pylist() if row})
        session = CassandraAddress((HOST,), self.now.ports.cassandra, self.now.keyspace).connect()
        try:
            customers: list[Customer] = list(CassandraCustomerStore(session).get_many(ids).values())
        finally:
            session.cluster.shutdown()
        assert len(accounts) > 50
        assert len(customers) > 50
        people = {f"account {name}": name for name in accounts}
        people |= {f"customer {one.customer_id}": one.customer_id for one in customers}
        people |= {f"e-mail of {one.customer_id}": one.email for one in customers if one.email}
        people |= BAD
        return people | {f"phone of {one.customer_id}": one.phone for one in customers if one.phone}

    @property
    def logs(self) -> list[tuple[str, bytes]]:
        """Of servers, of Airflow's components, of every task."""
        return [*files(self.folder / "logs"), *files(self.folder / "airflow" / "logs")]


@pytest.fixture(scope="module")
def stack(airflow: Settings, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    tmp_path = tmp_path_factory.mktemp("reports")
    api = AirflowApi(airflow)
    for name, password in PLANTED.items():
        body: dict[str, Any] = {"connection_id": name, "password": password}
        if name == "canary_default":
            api._send("POST", "/api/v2/connections", body | {"conn_type": "generic"})
        else:
            there = api._send("GET", f"/api/v2/connections/{name}", None)
            api._send(
                "PATCH",
                f"/api/v2/connections/{name}?update_mask=password",
                {**body, "conn_type": there["conn_type"]},
            )
    run_demo(tmp_path)
    for dag_id in ("maintain_stores", "build_reports", "measure_quality", "check_parity"):
        api.run(dag_id, {}, 300)
    api.run("load_customers", {"file": str(_customers(tmp_path))}, 300)
    return Stack(airflow, tmp_path)


def _customers(folder: Path) -> Path:
    """A bank's file with rows that cannot be used: the log names them."""
    rows = [
        "customer_id,segment,language,email,phone,consent_email,consent_sms",
        f"{BAD['customer']},private,en,{BAD['e-mail']},{BAD['phone']},true,true",
        f"{BAD['customer']},private,en,{BAD['e-mail']},{BAD['phone']}",
    ]
    path = folder / "customers.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_secrets_are_in_their_vaults_only(stack: Stack) -> None:
    secrets = stack.secrets
    assert found(files(stack.folder, (*VAULTS, *DATA)), secrets) == {}
    assert found(lake_texts(stack.lake, stack.folder / "lake"), secrets) == {}
    assert found(files(stack.reports), secrets) == {}
    assert found(cassandra_rows(stack.now), secrets) == {}
    assert found(database_rows(stack.now, secrets["postgres"]), secrets) == {}
    for vault in VAULTS:
        assert (stack.folder / vault).stat().st_mode & 0o077 == 0, vault


def test_logs_show_no_account_and_no_contact(stack: Stack) -> None:
    people = stack.people
    logs = stack.logs
    assert len(logs) > 100
    assert found(logs, people) == {}
    assert found(files(stack.reports, ["customers.csv"]), people) == {}


def test_airflows_database_has_no_account_and_no_contact(stack: Stack) -> None:
    assert found(database_rows(stack.now, stack.secrets["postgres"]), stack.people) == {}


def test_the_search_finds_what_is_there(stack: Stack) -> None:
    """A search that finds nothing anywhere would prove nothing."""
    people = {what: text for what, text in stack.people.items() if what not in BAD}
    assert found(lake_texts(stack.lake, stack.folder / "lake"), people)
    assert found(cassandra_rows(stack.now), people)
    secrets = stack.secrets
    assert set(found(files(stack.folder), secrets)) >= {"secrets.json"}
    assert found(database_rows(stack.now, secrets["postgres"]), {"a DAG": "score_transactions"})


def test_every_folder_of_the_lake_has_a_retention(stack: Stack) -> None:
    assert set(stack.lake.names("")) - set(LAKE) == set()
    assert json.loads((stack.folder / "lake" / f"{batch_folder(Stage.SCORED, 0)}/manifest.json").read_bytes())
