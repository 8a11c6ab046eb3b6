"""Bodies of the tasks that erase a customer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from include.governance.audit import record_action
from include.governance.erasures import APPROVED
from include.orchestration.approval import ERASE, Answer
from include.orchestration.connections import cassandra_session
from include.orchestration.governance_rules import author_of
from include.orchestration.run_parameters import Erasure
from include.orchestration.variables import checked
from include.privacy import erasing
from include.privacy.erasure import (
    ErasurePlan,
    close_erasure,
    note,
    notes,
    open_erasure,
    read_done,
    read_plan,
    withdraw,
)
from include.privacy.erasure_report import document, write
from include.privacy.errors import ErasureRefused
from include.settings import settings
from include.stores.cassandra.audit import witness
from include.stores.cassandra.erasing import CassandraEraser
from include.stores.lake.files import Lake

log = logging.getLogger(__name__)

_PARTS = ("removed", "tokenised", "kept")


def plan_erasure(params: Mapping[str, Any], dag_run: Any) -> dict[str, str]:
    """Find out who is meant; returns the request's name and what the approver is shown, without identifiers.

    Raises
    ------
    InputRefused, ChangeRefused, ErasureRefused
        The parameters are none, nobody asks, and see ``open_erasure``.
    """
    lake = Lake(settings().lake)
    plan = requested_erasure(lake, params, dag_run)
    with cassandra_session() as session:
        eraser = CassandraEraser(session, plan.accounts)
        kept = [why for account in plan.accounts for why in eraser.keeps(account).values()]
    body = (
        f"**{plan.requested_by}** asks to erase a customer with {len(plan.accounts)} accounts and {len(plan.devices)} "
        f"devices of their own, reason: {plan.reason}.\n\nCovered: the lake's batches before {plan.until_batch}, and "
        f"Cassandra. {len(kept)} alerts would be kept ({'; '.join(sorted(set(kept))) or 'none'}). It cannot be undone."
    )
    return {"request": plan.request, "body": body}


def requested_erasure(lake: Lake, params: Mapping[str, Any], dag_run: Any) -> ErasurePlan:
    """The plan of what a run was triggered for; errors as ``plan_erasure``."""
    wanted = checked("the parameters of the run", Erasure, dict(params))
    asked_by = author_of({"author": wanted.requested_by}, dag_run)
    return open_erasure(lake, dag_run.run_id, wanted.customer_id, wanted.account_ids, wanted.reason, asked_by)


def start_erasure(request: str, told: Mapping[str, Any] | None) -> str:
    """Record the approval; returns the request's name.

    Raises
    ------
    AirflowSkipException
        It was not approved: the plan is forgotten.
    ErasureRefused
        Whoever asked has approved it: the plan is forgotten too.
    """
    lake, answer = Lake(settings().lake), Answer.of(told)
    if (done := read_done(lake, request)) is not None:
        log.info("request %s was carried out on %s", request, done["finished_at"])
        return request
    plan = _plan(lake, request)
    if answer.option != ERASE:
        withdraw(lake, request)
        record_action(lake, answer.by or "nobody, in time", "erasure rejected", request, {})
        raise AirflowSkipException(f"request {request} was not approved")
    if answer.by in ("", plan.requested_by):
        withdraw(lake, request)  # it has the person's identifiers, and this run will not need them any more
        raise ErasureRefused(
            f"expected somebody else than {plan.requested_by} to approve request {request}; trigger it again and have "
            "another approver answer"
        )
    detail = {"requested_by": plan.requested_by, "reason": plan.reason, "accounts": len(plan.accounts)}
    record_action(lake, answer.by, APPROVED, request, detail)
    return request


def erase_lake(request: str) -> str:
    """Rewrite the lake's files; returns the request's name."""
    lake = Lake(settings().lake)
    if read_done(lake, request) is None:
        with cassandra_session() as session:
            counts = erasing.erase_lake(lake, _plan(lake, request), lambda record: witness(session, record))
        log.info("request %s, lake: %s", request, counts)
    return request


def erase_stores(request: str) -> str:
    """Remove rows from Cassandra; returns the request's name."""
    lake = Lake(settings().lake)
    if read_done(lake, request) is None:
        plan = _plan(lake, request)
        with cassandra_session() as session:
            eraser = CassandraEraser(session, plan.accounts)
            erasing.erase_stores(lake, plan, eraser)
        for part in _PARTS:
            note(lake, request, part, getattr(eraser.outcome, part))
        log.info("request %s, Cassandra: %s", request, eraser.outcome)
    return request


def report_erasure(request: str) -> None:
    """Look for what is left, write the report and forget the plan.

    Raises
    ------
    ErasureRefused
        Something is left: the report says where, and the plan stays for another try.
    """
    lake = Lake(settings().lake)
    report = read_done(lake, request)
    if report is None:
        plan = _plan(lake, request)
        left = erasing.left_in_lake(lake, plan)
        done = {part: notes(lake, request, part) for part in _PARTS}
        report = document(plan, {**done, "lake": erasing.lake_counts(lake, plan), "left": left})
        if left:
            write(report, settings().reports_dir)
            raise ErasureRefused(
                f"expected no identifier of request {request} to be left in the lake, got {sum(left.values())} in "
                f"{', '.join(sorted(left)[:5])}; labels that came meanwhile may be why: clear the task erase"
            )
    close_erasure(lake, request, report)
    for path in write(report, settings().reports_dir):
        log.info("written: %s", path.name)


def _plan(lake: Lake, request: str) -> ErasurePlan:
    plan = read_plan(lake, request)
    if plan is None:
        raise ErasureRefused(
            f"expected the plan of request {request} in the lake, got none: it was withdrawn; trigger "
            "erase_customer again"
        )
    return plan
