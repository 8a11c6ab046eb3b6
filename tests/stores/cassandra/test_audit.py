"""Cassandra's rows against the sealed files, field by field, and its witness of the chain."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal

import pytest

from include.governance.decisions import decision_chain
from include.governance.verify import verify_audit
from include.pipeline.loading import load
from include.reports.checks import exit_code
from include.stores.cassandra.audit import CassandraAuditStore, witness
from include.stores.cassandra.loader import ROW_TABLES, load_batch
from include.stores.lake.ledger import Stage
from tests.pipeline.audited_bank import BATCHES, copy_of, template
from tests.stores.cassandra.keyspaces import own_keyspace

pytestmark = pytest.mark.servers

MIGRATIONS = (2, 3, 4, 8)


@pytest.fixture(scope="module")
def loaded(request, tmp_path_factory):
    """A bank whose batches were loaded, and the session; every test puts back what it changes."""
    folder = tmp_path_factory.getbasetemp() / "audited"
    bank = copy_of(template(folder), tmp_path_factory.mktemp("loaded") / "audited")
    with own_keyspace(request.getfixturevalue("cassandra_address"), MIGRATIONS) as address:
        session = address.connect()
        load(
            bank.ledger.due(Stage.STORED),
            bank.ledger,
            bank.lake,
            lambda table, batch: load_batch(session, table, batch).transactions,
            lambda record: witness(session, record),
        )
        yield bank, session
        session.cluster.shutdown()


@pytest.fixture
def verify(loaded):
    bank, session = loaded
    return lambda: verify_audit(bank.lake, CassandraAuditStore(session))


def row_of(loaded, table, batch=1):
    row = loaded[0].scored(batch).to_pylist()[3]
    name = row["transaction_id"]
    if table == "transactions_by_account":
        at = row["occurred_at"]
        key = "account_id = %s AND month = %s AND occurred_at = %s AND transaction_id = %s"
        values = (
            row["account_id"],
            at.year * 100 + at.month,
            at.replace(microsecond=at.microsecond // 1000 * 1000),
            name,
        )
    else:
        key, values = "transaction_id = %s", (name,)
    return name, key, values


def test_what_was_loaded_agrees_to_the_byte(verify):
    result = verify()
    assert result.problems == []
    assert (result.rows_compared, result.witnessed) == (70 * BATCHES, BATCHES)
    assert exit_code(result.checks) == 0


CHANGES = [
    ("decisions", "decision", "REVIEWED"),
    ("decisions", "score", 0.25),
    ("decisions", "rule_hits", ["invented"]),
    ("decisions", "features", {"amount_value": 1.0}),
    ("decisions", "contributions", "{}"),
    ("decisions", "scored_at_us", 1000),
    ("decisions", "reasons", None),
    ("decisions", "batch_id", 0),
    ("transactions_by_account", "amount", Decimal("1")),
    ("transactions_by_account", "device_id", "another"),
    ("transactions_by_id", "account_id", "another"),
]


@pytest.mark.parametrize(("table", "column", "value"), CHANGES)
def test_a_changed_field_of_a_row_is_named(loaded, verify, table, column, value):
    _, session = loaded
    name, key, values = row_of(loaded, table)
    was = session.execute(f"SELECT {column} FROM {table} WHERE {key}", values).one()[0]  # noqa: S608
    # Prepared: as a literal a decimal would lose its scale, and that is a change too.
    change = session.prepare(f"UPDATE {table} SET {column} = ? WHERE {key.replace('%s', '?')}")  # noqa: S608
    session.execute(change, (value, *values))
    try:
        problems = verify().problems
        assert problems[0].where == f"cassandra {table}, batch 1, transaction {name}"
        assert f"expected {column} = " in problems[0].what
        added = [problem for problem in problems[1:] if "rows were added" in problem.what]
        assert problems[1:] == added  # a row that goes to another batch is one too many there
    finally:
        session.execute(change, (was, *values))
    assert verify().problems == []


@pytest.mark.parametrize("table", list(ROW_TABLES))
def test_a_removed_row_is_named(loaded, verify, table):
    bank, session = loaded
    name, key, values = row_of(loaded, table)
    session.execute(f"DELETE FROM {table} WHERE {key}", values)  # noqa: S608
    try:
        assert [str(problem) for problem in verify().problems] == [
            f"cassandra {table}, batch 1, transaction {name}: expected a row as the scored file has it, got "
            "none: removed"
        ]
    finally:
        load_batch(session, bank.scored(1), 1)
    assert verify().problems == []


@pytest.mark.parametrize("batch", [1, 9])
def test_an_added_row_is_counted(loaded, verify, batch):
    _, session = loaded
    session.execute("INSERT INTO decisions (transaction_id, batch_id) VALUES ('invented', %s)", (batch,))
    try:
        assert [problem.where for problem in verify().problems] == [f"cassandra decisions, batch {batch}"]
    finally:
        session.execute("DELETE FROM decisions WHERE transaction_id = 'invented'")


def test_a_lake_written_anew_is_found_by_cassandra(loaded, verify):
    """Somebody who can write the whole lake changes a decision, and seals everything anew."""
    bank = loaded[0]
    kept = bank.folder.with_name("kept")
    shutil.copytree(bank.folder, kept)
    chain = decision_chain(bank.lake)
    records = list(chain.records())
    try:
        shutil.rmtree(bank.folder / "audit/decisions")
        for record in records:
            (bank.path(Stage.SCORED, record.content["batch"], "seal.json")).unlink()
        for record in records:
            chain.append(
                key=record.key, kind=record.kind, actor="eve", subject=record.subject, content=record.content
            )
        assert chain.verify() == []
        problems = verify().problems
        assert len(problems) == BATCHES
        assert all("as the second store has it" in problem.what for problem in problems)
    finally:
        shutil.rmtree(bank.folder)
        kept.rename(bank.folder)


def test_a_witness_is_one_entry_however_often_told(loaded):
    bank, session = loaded
    for record in decision_chain(bank.lake).records():
        witness(session, record)
    rows = list(session.execute("SELECT subject, detail FROM audit"))
    assert len(rows) == BATCHES
    assert {json.loads(row.detail)["number"] for row in rows} == set(range(1, BATCHES + 1))
