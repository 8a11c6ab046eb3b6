"""A scored batch in Cassandra: written once however often it is loaded, exact, and found by the readers."""

import dataclasses
import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from include.stores.cassandra import queries
from include.stores.cassandra.errors import BatchOutOfOrder, UnknownKind
from include.stores.cassandra.ledger import recorded_batches
from include.stores.cassandra.loader import STAGE, load_batch
from tests.alerts.examples import scored_row, scored_table
from tests.stores.cassandra.keyspaces import own_keyspace

pytestmark = pytest.mark.servers

MIGRATIONS = (2, 3, 4, 8)  # transactions and decisions, totals, running totals, ledger
TABLES = (
    "transactions_by_account",
    "transactions_by_id",
    "decisions",
    "account_totals",
    "counterparty_totals",
    "account_running_totals",
    "counterparty_running_totals",
    "batch_ledger",
)
START = datetime(2026, 1, 30, 20, 0, tzinfo=UTC)
DAYS = 3
ACCOUNTS = tuple(f"ACCOUNT-{number}" for number in range(6))
MERCHANTS = tuple(f"MERCHANT-{number}" for number in range(4))


@pytest.fixture(scope="module")
def loaded(request):
    """A session where batches 0, 1 and 2 have been loaded, one of them twice; only to be read."""
    with own_keyspace(request.getfixturevalue("cassandra_address"), MIGRATIONS) as address:
        session = address.connect()
        load(session, 0, 1, 2, 1)
        yield session
        session.cluster.shutdown()


@pytest.fixture(scope="module")
def keyspace_to_write(request):
    with own_keyspace(request.getfixturevalue("cassandra_address"), MIGRATIONS) as address:
        session = address.connect()
        yield session
        session.cluster.shutdown()


@pytest.fixture
def session(keyspace_to_write):
    """A session where nothing has been loaded."""
    empty(keyspace_to_write)
    return keyspace_to_write


def empty(session):
    for table in TABLES:
        if session.execute(f"SELECT * FROM {table} LIMIT 1").one():  # noqa: S608
            session.execute(f"TRUNCATE {table}", timeout=60)


def rows_of(batch, count=150):
    """Rows of a batch: few keys, so that they share hours, days and batches."""
    rng = np.random.default_rng(batch)
    return [_row(rng, f"T-{batch}-{number}", batch * 1000 + number) for number in range(count)]


def every_row():
    return [row for batch in (0, 1, 2) for row in rows_of(batch)]


def _row(rng, name, offset):
    flagged = rng.random() < 0.2
    occurred = START + timedelta(microseconds=int(rng.integers(DAYS * 86_400 * 10**6)))
    return scored_row(
        transaction_id=name,
        account_id=str(rng.choice(ACCOUNTS)),
        counterparty_id=str(rng.choice(MERCHANTS)),
        amount=Decimal(int(rng.integers(1, 10**12))).scaleb(-4),
        occurred_at=occurred,
        arrived_at=occurred + timedelta(microseconds=int(rng.integers(10**7))),
        device_id=None if rng.random() < 0.5 else "device-ü",
        extra=None if rng.random() < 0.8 else '{"memo": "x"}',
        customer_id=None if rng.random() < 0.5 else "C-1",
        kafka_partition=int(rng.integers(3)),
        kafka_offset=offset,
        decision=str(rng.choice(["REVIEW", "ALERT"])) if flagged else "ALLOW",
        features={"amount_value": float(rng.random()), "is_new_device": None},
        score=float(rng.random()),
        contributions='{"amount_value": 0.25}' if flagged else None,
        scored_at=occurred + timedelta(seconds=11, microseconds=1),
    )


def dump(session):
    """Everything in every table except when the ledger's rows were written."""
    held = {}
    for table in TABLES:
        columns = [row.column_name for row in _columns(session, table) if row.column_name != "finished_at"]
        rows = session.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608
        held[table] = sorted(repr(tuple(row)) for row in rows)
    return held


def _columns(session, table):
    return session.execute(
        "SELECT column_name FROM system_schema.columns WHERE keyspace_name = %s AND table_name = %s",
        (session.keyspace, table),
    )


def load(session, *batches):
    for batch in batches:
        load_batch(session, scored_table(*rows_of(batch)), batch)


def test_loading_a_batch_again_changes_nothing(session):
    load(session, 0, 1)
    once = dump(session)
    counts = load_batch(session, scored_table(*rows_of(1)), 1)
    assert dump(session) == once
    assert counts.transactions == counts.decisions == 150
    assert all(once.values())
    assert queries.stored_by_batch(session) == {0: 150, 1: 150}
    load(session, 0)  # the older one too, once more
    assert dump(session) == once


def test_a_batch_broken_off_here_and_there_is_in_the_end_as_if_loaded_once(session, monkeypatch):
    class Killed(BaseException):
        pass

    load(session, 0, 1)
    original = session.execute_async
    for last in range(14):
        left = [last]

        def execute_async(*arguments, left=left, **named):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return original(*arguments, **named)

        monkeypatch.setattr(session, "execute_async", execute_async)
        with pytest.raises(Killed):
            load(session, 2)
        monkeypatch.undo()
        assert 2 not in recorded_batches(session, STAGE, 0, 9)
    load(session, 2)
    broken_off = dump(session)
    empty(session)
    load(session, 0, 1, 2)
    assert dump(session) == broken_off


def test_a_batch_before_its_predecessor_is_refused_and_leaves_nothing(session):
    load(session, 0)
    before = dump(session)
    with pytest.raises(BatchOutOfOrder, match="expected batch 1 to be loaded before batch 2"):
        load(session, 2)
    assert dump(session) == before


def test_the_ledger_has_what_was_loaded(loaded):
    found = recorded_batches(loaded, STAGE, 0, 10)
    assert list(found) == [0, 1, 2]
    assert found[1]["transactions"] == 150
    assert (
        found[1]["rows"]
        == found[1]["transactions"] * 3 + found[1]["period_totals"] + found[1]["running_totals"]
    )


def _expected(frame, key, period):
    """(key, start of the period) → count, total, maximum, by pandas on Python decimals."""
    start = frame["occurred_at"].dt.floor({"hour": "h", "day": "D"}[period])
    grouped = frame.groupby([frame[key], start])["amount"]
    return {place: (len(values), sum(values), max(values)) for place, values in grouped}


@pytest.mark.parametrize("kind", ["account", "counterparty"])
def test_totals_equal_those_of_pandas_exactly(loaded, kind):
    frame = pd.DataFrame(every_row())
    key = f"{kind}_id"
    read = {"account": queries.account_totals, "counterparty": queries.counterparty_totals}[kind]
    for period in ("hour", "day"):
        found = {
            (total.key, pd.Timestamp(total.period_start)): (total.count, total.total, total.maximum)
            for name in frame[key].unique()
            for total in read(
                loaded, name, period, START - timedelta(days=1), START + timedelta(days=DAYS + 1)
            )
        }
        assert found == _expected(frame, key, period)
    for batch in (0, 1, 2):
        so_far = frame[frame["kafka_offset"] < (batch + 1) * 1000]
        for name, amounts in so_far.groupby(key)["amount"]:
            total = queries.running_total(loaded, kind, name, up_to_batch=batch)
            assert (total.count, total.total, total.maximum) == (len(amounts), sum(amounts), max(amounts))
            assert abs(total.mean * total.count - total.total) <= Decimal("0.0000005") * total.count
    assert queries.running_total(loaded, kind, "nobody") is None
    assert queries.running_total(loaded, kind, frame[key][0]).count == (frame[key] == frame[key][0]).sum()


def test_totals_of_a_part_are_those_of_the_periods_that_start_in_it(loaded):
    since, until = START + timedelta(hours=5, minutes=30), START + timedelta(hours=20)
    found = queries.account_totals(loaded, ACCOUNTS[0], "hour", since, until)
    starts = {
        row["occurred_at"].replace(minute=0, second=0, microsecond=0)
        for row in every_row()
        if row["account_id"] == ACCOUNTS[0]
    }
    assert [total.period_start for total in found] == sorted(s for s in starts if since <= s < until)
    with pytest.raises(UnknownKind, match="expected hour or day"):
        queries.account_totals(loaded, ACCOUNTS[0], "week", since, until)
    with pytest.raises(UnknownKind, match="expected account or counterparty"):
        queries.running_total(loaded, "country", "PT")


def _as_loaded(found, row, batch):
    names = set(row) & {field.name for field in dataclasses.fields(found)}
    assert len(names) == 15
    assert {name: getattr(found, name) for name in names} == {name: row[name] for name in names}
    assert found.amount.as_tuple() == row["amount"].quantize(Decimal("0.0001")).as_tuple()
    assert found.batch_id == batch


def test_transactions_come_back_as_they_were_loaded(loaded):
    for batch in (0, 1):
        for row in rows_of(batch)[:20]:
            _as_loaded(queries.transaction(loaded, row["transaction_id"]), row, batch)
    assert queries.transaction(loaded, "never") is None
    assert queries.batches_of(loaded, ["T-0-1", "T-1-1", "never"]) == {"T-0-1": 0, "T-1-1": 1}


def test_the_history_of_an_account_runs_over_months_newest_first(loaded):
    rows = {row["transaction_id"]: row for row in every_row()}
    since, until = START, START + timedelta(days=DAYS)  # January into February
    found = queries.account_history(loaded, ACCOUNTS[1], since, until)
    expected = [row for row in rows.values() if row["account_id"] == ACCOUNTS[1]]
    assert {one.transaction_id for one in found} == {row["transaction_id"] for row in expected}
    moments = [one.occurred_at for one in found]
    assert moments == sorted(moments, reverse=True)
    assert {moment.month for moment in moments} == {1, 2}
    assert queries.account_history(loaded, ACCOUNTS[1], since, until, limit=7) == found[:7]
    middle = START + timedelta(days=1)
    assert queries.account_history(loaded, ACCOUNTS[1], since, middle) == [
        one for one in found if one.occurred_at < middle
    ]


def test_decisions_come_back_with_their_evidence(loaded):
    rows = {row["transaction_id"]: row for row in rows_of(0)}
    found = queries.decisions(loaded, [*rows, "never"])
    assert set(found) == set(rows)
    for name, one in found.items():
        row = rows[name]
        assert (one.decision, one.score, one.severity) == (row["decision"], row["score"], row["severity"])
        assert (one.scored_at, one.reasons) == (row["scored_at"], tuple(row["reasons"]))
        if one.decision == "ALLOW":
            assert (one.features, one.contributions) == ({}, {})
        else:
            assert one.features["amount_value"] == row["features"]["amount_value"]
            assert math.isnan(one.features["is_new_device"])
            assert one.contributions == json.loads(row["contributions"])
    assert queries.decision(loaded, "never") is None


def test_scoring_a_batch_anew_leaves_nothing_of_the_old_scores(session):
    load(session, 0)
    scores = ("score", "score_gradient_boosting", "score_isolation_forest", "score_one_class_svm")
    nothing = dict.fromkeys(scores) | {
        "contributions": None,
        "rule_hits": [],
        "reasons": [],
        "decision": "ALLOW",
    }
    load_batch(session, scored_table(*(row | nothing for row in rows_of(0))), 0)
    for one in queries.decisions(session, [row["transaction_id"] for row in rows_of(0)]).values():
        assert [getattr(one, name) for name in scores] == [None] * 4
        assert (one.rule_hits, one.reasons, one.features, one.contributions) == ((), (), {}, {})


def test_an_empty_batch_is_recorded_so_that_the_next_may_follow(session):
    load_batch(session, scored_table(), 0)
    load(session, 1)
    assert queries.stored_by_batch(session) == {1: 150}
