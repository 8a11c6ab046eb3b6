"""Rules: how good each is, where it stands in its life, and trying a change of one.

What reads rules and models needs the libraries of both, which take seconds to import: a thread does so once the API
server has started (``plugins.fraud_desk.warming``), so neither its start nor the first visitor waits for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from include.reports.csv_export import RULE_COLUMNS
from include.reports.pages import draw
from include.stores.lake.files import Lake
from include.stores.lake.names import BACKTESTS
from plugins.fraud_desk.bank import BankDep
from plugins.fraud_desk.documents import document
from plugins.fraud_desk.rendering import page
from plugins.fraud_desk.runs import StartingDep
from plugins.fraud_desk.spans import DAYS, DaysDep
from plugins.fraud_desk.taking_out import as_csv

router = APIRouter()

_BACKTEST = re.compile(r"[a-z][a-z0-9_]{0,63}-[0-9a-f]{10}")
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Backtest:
    """A back-test in the list."""

    backtest_id: str
    made_at: datetime | None


@router.get("/rules", response_class=HTMLResponse)
def rules_page(request: Request, bank: BankDep, days: DaysDep, may: StartingDep) -> HTMLResponse:
    """All rules."""
    from plugins.fraud_desk.rule_view import rules

    return page(
        request,
        "rules.html",
        section="rules",
        found=rules(bank.lake, days),
        days=days,
        choices=DAYS,
        backtests=_backtests(bank.lake),
        may_backtest=may("backtest_rules"),
        may_change=may("change_rule"),
    )


@router.get("/rules.csv")
def rules_csv(bank: BankDep, days: DaysDep) -> Response:
    """The figures as a file; counts of rules, nothing of persons, so for everybody who may read."""
    from plugins.fraud_desk.rule_view import rules

    rows = [row.quality for row in rules(bank.lake, days).rows]
    return as_csv(rows, RULE_COLUMNS, f"rules-{days}-days.csv")


@router.get("/rules/{rule_id}", response_class=HTMLResponse)
def rule_page(rule_id: str, request: Request, bank: BankDep, days: DaysDep, may: StartingDep) -> HTMLResponse:
    """One rule: its text, its days, its life."""
    from plugins.fraud_desk.rule_view import life_of, quality_chart, rule

    row = rule(bank.lake, rule_id, days)
    if row is None:
        raise HTTPException(404)
    return page(
        request,
        "rule.html",
        section="rules",
        row=row,
        days=days,
        choices=DAYS,
        chart=draw(quality_chart(bank.lake, rule_id, days)),
        life=life_of(bank.lake, rule_id),
        backtests=_backtests(bank.lake, rule_id),
        may_backtest=may("backtest_rules"),
    )


@router.get("/backtests/{backtest_id}")
def backtest_document(backtest_id: str, bank: BankDep) -> Response:
    """The page a back-test has written."""
    if not _BACKTEST.fullmatch(backtest_id):
        raise HTTPException(404)
    return document(bank.lake, f"{BACKTESTS}/{backtest_id}/backtest.html", backtest_id)


def _backtests(lake: Lake, rule_id: str | None = None) -> list[Backtest]:
    """The newest back-tests, of a rule or of all."""
    names = [name for name in lake.names(BACKTESTS) if _BACKTEST.fullmatch(name)]
    if rule_id is not None:
        names = [name for name in names if name.rpartition("-")[0] == rule_id]
    found = [Backtest(name, lake.modified_at(f"{BACKTESTS}/{name}/backtest.json")) for name in names]
    known = [one for one in found if one.made_at is not None]
    return sorted(known, key=lambda one: one.made_at or datetime.min, reverse=True)[:_SHOWN]
