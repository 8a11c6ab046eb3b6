"""Who may let a person be erased: another than who asked; and what a rejection leaves."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.governance.audit import ACTIONS, AuditChain
from include.governance.erasures import APPROVED
from include.orchestration import erasing
from include.orchestration.approval import ERASE, REJECT
from include.privacy.erasure import ErasurePlan, open_erasure, read_plan
from include.privacy.errors import ErasureRefused
from include.settings import settings
from tests.pipeline.audited_bank import AuditedBank


@pytest.fixture
def plan(bank: AuditedBank, person: str, monkeypatch: pytest.MonkeyPatch) -> ErasurePlan:
    monkeypatch.setenv("TIDEWATCH_LAKE_URI", bank.lake.uri)
    settings.cache_clear()
    yield open_erasure(bank.lake, "run", person, [], "request 17", "ann")
    settings.cache_clear()


def _answer(option: str, by: str | None) -> dict[str, Any]:
    return {"chosen_options": [option], "responded_by_user": by and {"id": by, "name": by}}


def test_another_person_approves_and_it_is_on_record_once(bank: AuditedBank, plan: ErasurePlan):
    for _ in range(2):
        assert erasing.start_erasure(plan.request, _answer(ERASE, "bob")) == plan.request
    (record,) = AuditChain(bank.lake, ACTIONS).records()
    assert (record.kind, record.actor, record.subject) == (APPROVED, "bob", plan.request)
    assert not any(name in str(record) for name in (*plan.customer, *plan.accounts))


@pytest.mark.parametrize("by", ["ann", None])
def test_who_asked_does_not_approve_and_nobody_does_not_either(
    bank: AuditedBank, plan: ErasurePlan, by: str | None
):
    with pytest.raises(ErasureRefused, match="somebody else than ann"):
        erasing.start_erasure(plan.request, _answer(ERASE, by))
    assert AuditChain(bank.lake, ACTIONS).numbers() == []
    assert read_plan(bank.lake, plan.request) is None


def test_a_rejection_is_on_record_and_the_plan_is_forgotten(bank: AuditedBank, plan: ErasurePlan):
    with pytest.raises(AirflowSkipException):
        erasing.start_erasure(plan.request, _answer(REJECT, "bob"))
    assert read_plan(bank.lake, plan.request) is None
    (record,) = AuditChain(bank.lake, ACTIONS).records()
    assert (record.kind, record.actor) == ("erasure rejected", "bob")
    with pytest.raises(ErasureRefused, match="trigger erase_customer again"):
        erasing.start_erasure(plan.request, _answer(ERASE, "bob"))
