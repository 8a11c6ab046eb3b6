"""A person is erased from the lake: nothing of them is left, nothing of anybody else changes, the audit still holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from include.governance.audit import record_action
from include.governance.erasures import APPROVED, ERASURES, Rewrite, record_rewrites
from include.governance.verify import verify_audit
from include.pipeline import parity
from include.pipeline.models import rule_book
from include.pipeline.provisional import decide_without_history, provisional_file
from include.privacy import erasing
from include.privacy.erasure import (
    ErasurePlan,
    close_erasure,
    open_erasure,
    read_done,
    read_plan,
    request_id,
    withdraw,
)
from include.privacy.erasure_report import document, write
from include.privacy.errors import ErasureRefused
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, accepted_file, scored_file
from tests.pipeline.audited_bank import BATCHES, AuditedBank, flip
from tests.privacy.conftest import Told

_COLUMNS = ("account_id", "counterparty_id", "customer_id", "device_id", "extra")


def _open(bank: AuditedBank, person: str, run: str = "run") -> ErasurePlan:
    return open_erasure(bank.lake, run, person, [], "request 17", "ann")


def _approve(lake: Lake, plan: ErasurePlan) -> None:
    record_action(lake, "bob", APPROVED, plan.request, {"requested_by": "ann"})


def _erase(bank: AuditedBank, person: str) -> ErasurePlan:
    plan = _open(bank, person)
    _approve(bank.lake, plan)
    erasing.erase_lake(bank.lake, plan)
    return plan


def _values(lake: Lake, folder: Path) -> dict[str, str]:
    """Every file of the lake as text, Parquet row by row; without the audit and the request itself."""
    return {
        name: str(lake.read_table(name).to_pylist())
        if name.endswith(".parquet")
        else path.read_text("latin-1")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not (name := str(path.relative_to(folder))).startswith(
            (f"erasures/{request_id('run')}/plan", "models/")
        )
    }


def _others(lake: Lake, plan: ErasurePlan, path: str) -> list[dict[str, Any]]:
    mine = {*plan.accounts, *plan.accounts.values()}
    rows = lake.read_table(path).to_pylist()
    return [
        {name: value for name, value in row.items() if not (name == "counterparty_id" and value in mine)}
        for row in rows
        if row["account_id"] not in mine
    ]


def test_nothing_is_left_and_nobody_else_changes(bank: AuditedBank, person: str):
    lake = bank.lake
    plan = _open(bank, person)
    assert plan.accounts
    before = {
        n: (_others(lake, plan, accepted_file(n)), _others(lake, plan, scored_file(n)))
        for n in range(BATCHES)
    }
    rows_before = [lake.read_table(accepted_file(n)) for n in range(BATCHES)]
    assert erasing.left_in_lake(lake, plan), "the search finds what is there"
    _approve(lake, plan)
    counts = erasing.erase_lake(lake, plan)
    assert counts["rows"] > 0
    assert erasing.left_in_lake(lake, plan) == {}
    after = {
        n: (_others(lake, plan, accepted_file(n)), _others(lake, plan, scored_file(n)))
        for n in range(BATCHES)
    }
    assert str(after) == str(before)
    for n, old in enumerate(rows_before):
        new = lake.read_table(accepted_file(n))
        assert new.schema == old.schema
        assert new.drop_columns(list(_COLUMNS)) == old.drop_columns(list(_COLUMNS)), (
            "amounts, times, order: as before"
        )
    texts = _values(lake, bank.folder)
    for identifier in (*plan.customer, *plan.accounts, *plan.devices):
        assert [
            name for name, text in texts.items() if f"'{identifier}'" in text or f'"{identifier}"' in text
        ] == []


def test_the_audit_holds_and_says_who_and_when(bank: AuditedBank, person: str):
    plan = _erase(bank, person)
    result = verify_audit(bank.lake)
    assert result.problems == []
    assert result.erased
    assert {by.request for by in result.erased.values()} == {plan.request}
    said = next(iter(result.document()["erased"].values()))
    assert said.startswith(f"erased by request {plan.request} on 20")


def test_parity_and_states_still_hold(bank: AuditedBank, person: str):
    assert parity.check(bank.lake).holds
    _erase(bank, person)
    record = parity.check(bank.lake, whole=True)
    assert record.holds, record.document()
    assert record.batches == BATCHES


def test_what_was_decided_without_history_is_rewritten_too(bank: AuditedBank, person: str):
    lake = bank.lake
    decide_without_history(lake, rule_book(lake), [(n, lake.read_table(accepted_file(n))) for n in range(2)])
    paths = {provisional_file(0), provisional_file(1)}
    plan = _erase(bank, person)
    assert erasing.left_in_lake(lake, plan) == {}
    tokens = {row["account_id"] for path in paths for row in lake.read_table(path).to_pylist()}
    assert set(plan.accounts.values()) & tokens
    assert not set(plan.accounts) & tokens
    result = verify_audit(lake)
    assert result.problems == []
    assert paths & result.erased.keys()
    flip(bank.folder / provisional_file(0))
    assert [one.where for one in verify_audit(lake).problems] == [provisional_file(0)]


def test_what_is_changed_after_an_erasure_is_found(bank: AuditedBank, person: str):
    _erase(bank, person)
    path = next(iter(verify_audit(bank.lake).erased))
    flip(bank.folder / path)
    assert any(one.where == path for one in verify_audit(bank.lake).problems)


def test_a_record_that_nobody_approved_hides_nothing(bank: AuditedBank, person: str):
    lake = bank.lake
    path = accepted_file(0)
    old = lake.sha256(path)
    bank.change(Stage.ACCEPTED, 0, lambda rows: rows[0].update(country="XX"))
    record_rewrites(lake, "E-forged", 0, [Rewrite(path, old, lake.sha256(path), 1)])
    problems = verify_audit(lake).problems
    assert [one.where for one in problems] == [f"audit/{ERASURES}, record 1"]
    assert "E-forged" in str(problems[0])


class Killed(Exception):
    """The process ended here."""


class DyingLake(Lake):
    """A lake whose process is killed before its n-th write."""

    def __init__(self, uri: str, writes: int) -> None:
        super().__init__(uri)
        self.left = writes

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def write_bytes(self, path: str, content: bytes) -> None:
        self._count()
        super().write_bytes(path, content)

    def create_bytes(self, path: str, content: bytes) -> None:
        self._count()
        super().create_bytes(path, content)


def test_killed_anywhere_it_goes_on_and_the_audit_holds_meanwhile(
    bank: AuditedBank, person: str, scored_lake: Path, tmp_path: Path
):
    plan = _open(bank, person)
    _approve(bank.lake, plan)
    stops = 0
    while True:
        try:
            erasing.erase_lake(DyingLake(bank.lake.uri, writes=1 + stops % 3), plan)
            break
        except Killed:
            stops += 1
            assert stops < 200, "it does not get on"
            assert verify_audit(bank.lake).problems == []
    assert stops > 3
    assert erasing.left_in_lake(bank.lake, plan) == {}
    again = {name: bank.lake.sha256(name) for name in (accepted_file(0), scored_file(0))}
    erasing.erase_lake(bank.lake, plan)
    assert {name: bank.lake.sha256(name) for name in again} == again
    assert verify_audit(bank.lake).problems == []


def test_the_stores_follow_the_files(bank: AuditedBank, person: str):
    plan, told = _erase(bank, person), Told()
    erasing.erase_stores(bank.lake, plan, told)
    tokens = set(plan.accounts.values())
    own = [row for row in told.moved if row["account_id"] in tokens]
    assert own
    assert all(row["account_id"] in tokens or row["counterparty_id"] in tokens for row in told.moved)
    assert set(told.accounts) == set(plan.accounts)
    assert all(ids == {row["transaction_id"] for row in own} for ids in told.accounts.values())
    assert told.customers == [person]


def test_the_report_names_nobody_and_the_plan_goes(bank: AuditedBank, person: str, tmp_path: Path):
    plan = _erase(bank, person)
    left = erasing.left_in_lake(bank.lake, plan)
    done = {"lake": erasing.lake_counts(bank.lake, plan), "left": left}
    parts = {
        "removed": {"customers": 1},
        "tokenised": {"decisions": 3},
        "kept": {"confirmed as fraud: kept by law": 1},
    }
    report = document(plan, {**done, **parts})
    assert all(check["holds"] for check in report["checks"])
    close_erasure(bank.lake, plan.request, report)
    data, page = write(report, tmp_path / "reports")
    text = data.read_text() + page.read_text()
    for identifier in (*plan.customer, *plan.accounts, *plan.devices):
        assert identifier not in text
    assert plan.subject in text
    assert "kept by law" in text
    assert read_plan(bank.lake, plan.request) is None
    assert read_done(bank.lake, plan.request) == json.loads(data.read_text())
    assert not any(token in str(_values(bank.lake, bank.folder / "erasures")) for token in plan.accounts)


def test_the_same_run_gets_the_same_plan_and_a_rejected_one_is_forgotten(bank: AuditedBank, person: str):
    plan = _open(bank, person)
    assert _open(bank, person) == plan
    assert _open(bank, person, "other run").accounts != plan.accounts, "tokens are drawn, not derived"
    withdraw(bank.lake, plan.request)
    assert read_plan(bank.lake, plan.request) is None


@pytest.mark.parametrize(
    ("customer", "accounts", "reason", "words"),
    [
        ("", [], "request 17", "customer_id or account_ids"),
        ("somebody", [], " ", "reason"),
        ("nobody we know", [], "request 17", "name the accounts"),
    ],
)
def test_requests_that_cannot_be_meant(
    bank: AuditedBank, customer: str, accounts: list[str], reason: str, words: str
):
    with pytest.raises(ErasureRefused, match=words):
        open_erasure(bank.lake, "run", customer, accounts, reason, "ann")


def test_somebody_elses_account_is_refused(bank: AuditedBank, person: str):
    rows = bank.lake.read_table(accepted_file(0)).to_pylist()
    foreign = next(row["account_id"] for row in rows if row["customer_id"] not in (None, person))
    with pytest.raises(ErasureRefused, match="another customer"):
        open_erasure(bank.lake, "run", person, [foreign], "request 17", "ann")
