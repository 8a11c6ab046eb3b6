"""The pages of rules: figures from labels, the life of each, back-tests behind a sandbox."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest

from include.governance.rule_life import ChangeKind
from include.governance.rule_steps import RuleSteps
from include.pipeline.rule_quality import measure, rule_quality
from include.pipeline.shadow_record import follow_shadows
from include.rules.columns import rule_columns
from include.stores.lake.files import Lake
from plugins.fraud_desk import rule_view
from plugins.fraud_desk.access import Role
from plugins.fraud_desk.rule_view import rule, rules
from tests.desk.bank import MemoryBank
from tests.desk.work import Work
from tests.pipeline.ruled_bank import HISTORY_DAYS, LIVE_DAYS, START, RuledBank, rule_text

NOW = START + timedelta(days=HISTORY_DAYS + LIVE_DAYS)
DRAFT = "any_amount"


@pytest.fixture
def ruled(tmp_path: Path) -> RuledBank:
    """Batches scored by the shipped rules, with one more in the shadow, and counted."""
    bank = RuledBank.of(Lake(tmp_path.as_uri()))
    bank.put("over_fifty", "amount > 50")
    bank.score(3)
    steps = RuleSteps(bank.lake, bank.book, rule_columns())
    steps.draft("change-1", "ann", rule_text(DRAFT, "amount > 1"), 1.0, ChangeKind.CHANGE)
    steps.start_shadow("change-1", DRAFT, {"words": "tested <b>well</b>", "backtest": f"{DRAFT}-0123456789"})
    bank.score(2)
    measure(bank.lake)
    follow_shadows(bank.lake, bank.book)
    return bank


@pytest.fixture
def work(ruled: RuledBank, monkeypatch: pytest.MonkeyPatch) -> Work:
    """The desk on the last of the bank's days."""
    monkeypatch.setattr(rule_view, "period", lambda days, now=None: _period(days))
    return Work(MemoryBank(ruled.lake))


def _period(days: int) -> tuple:  # type: ignore[type-arg]
    until = NOW.date() + timedelta(days=1)
    return until - timedelta(days=days), until


def test_every_rule_is_there_with_its_figures(ruled: RuledBank, work: Work) -> None:
    found = {row.rule_id: row for row in rules(ruled.lake, 28).rows}
    assert {entry.rule_id for entry in ruled.book.entries()} == set(found)
    counted = {one.rule_id: one for one in rule_quality(ruled.lake, *_period(28))}
    assert counted["over_fifty"].hits > 0
    assert found["over_fifty"].quality == counted["over_fifty"]
    assert (found["over_fifty"].state, found[DRAFT].state) == ("live", "shadow")
    assert found[DRAFT].quality.hits == 0
    assert found[DRAFT].shadow is not None
    assert found[DRAFT].shadow.figures.rows == 120
    page = work.client(Role.VIEWER).get("/rules").text
    assert all(rule_id in page for rule_id in found)
    assert found[DRAFT].shadow.figures.words() in page


def test_a_retired_rule_stays_to_be_seen(ruled: RuledBank) -> None:
    steps = RuleSteps(ruled.lake, ruled.book, rule_columns())
    steps.draft("change-2", "ann", "large_amount", 1.0, ChangeKind.RETIRE)
    steps.start_shadow("change-2", "large_amount", {})
    steps.decide("change-2", "large_amount", "bob", approved=True)
    rejected = RuleSteps(ruled.lake, ruled.book, rule_columns())
    rejected.decide("change-1", DRAFT, "bob", approved=False)
    found = {row.rule_id: row for row in rules(ruled.lake, 28).rows}
    assert (found["large_amount"].state, found[DRAFT].state) == ("retired", "draft")
    assert found["large_amount"].header["title"]


def test_one_rule_shows_text_life_and_its_back_test(work: Work) -> None:
    page = work.client(Role.ANALYST).get(f"/rules/{DRAFT}").text
    assert "amount &gt; 1" in page
    assert "tested &lt;b&gt;well&lt;/b&gt;" in page
    assert f"/backtests/{DRAFT}-0123456789" in page
    assert "/dags/change_rule/runs/change-1" in page
    assert 'data-run="backtest_rules"' in page
    assert 'data-run="backtest_rules"' not in work.client(Role.VIEWER).get(f"/rules/{DRAFT}").text
    work.startable.clear()
    assert 'data-run="backtest_rules"' not in work.client(Role.ANALYST).get(f"/rules/{DRAFT}").text


@pytest.mark.parametrize("rule_id", ["nobody_knows_it", "%2E%2E", "Over", "a%2Fb", "x" * 80])
def test_an_unknown_rule_is_not_found(work: Work, rule_id: str) -> None:
    assert work.client(Role.VIEWER).get(f"/rules/{rule_id}").status_code == 404


def test_a_rule_is_looked_up_by_its_id_only(ruled: RuledBank) -> None:
    assert rule(ruled.lake, "../../x", 28) is None
    assert rule(ruled.lake, "over_fifty", 28) is not None


def test_the_figures_as_a_file(work: Work, ruled: RuledBank) -> None:
    answer = work.client(Role.VIEWER).get("/rules.csv")
    rows = {row["rule_id"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    (wanted,) = [one for one in rule_quality(ruled.lake, *_period(28)) if one.rule_id == "over_fifty"]
    assert rows["over_fifty"]["hits"] == str(wanted.hits)
    assert "attachment" in answer.headers["content-disposition"]


def test_a_back_test_is_served_in_a_sandbox(work: Work, ruled: RuledBank) -> None:
    ruled.lake.write_bytes(f"backtests/{DRAFT}-0123456789/backtest.html", b"<script>alert(1)</script>")
    ruled.lake.write_json(f"backtests/{DRAFT}-0123456789/backtest.json", {})
    client = work.client(Role.VIEWER)
    assert f"/backtests/{DRAFT}-0123456789" in client.get("/rules").text
    answer = client.get(f"/backtests/{DRAFT}-0123456789")
    assert answer.text == "<script>alert(1)</script>"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox;")
    assert "allow" not in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    for wrong in ("nothing-0123456789", "%2E%2E", "a%2F..%2Fb-0123456789", f"{DRAFT}-0123456789%2F..%2Fx"):
        assert client.get(f"/backtests/{wrong}").status_code == 404


def test_no_book_yet_is_told(tmp_path: Path) -> None:
    page = Work(MemoryBank.at(tmp_path / "empty")).client(Role.VIEWER).get("/rules")
    assert page.status_code == 200
    assert "initialize_stores" in page.text
