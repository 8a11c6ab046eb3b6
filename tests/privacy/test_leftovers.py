"""What goes by its age alone, and what stays however old it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from include.governance.audit import AuditChain
from include.governance.decisions import RETENTION
from include.governance.incidents import clear_incident, open_incidents, raise_incident, recent_incidents
from include.governance.verify import verify_audit
from include.pipeline.challengers import ChallengerBook, Phase
from include.pipeline.models import model_registry
from include.privacy.leftovers import delete_leftovers
from include.privacy.retention import DEFAULT_DAYS
from include.reports.archive import stored_reports
from include.reports.periods import Kind
from include.stores.lake.files import Lake
from tests.pipeline.audited_bank import AuditedBank

WANTED = dict.fromkeys(DEFAULT_DAYS, 10) | {"monthly_reports": 100}


def _delete(lake: Lake, days: float) -> dict[str, int]:
    return delete_leftovers(lake, model_registry(lake), WANTED, datetime.now(UTC) + timedelta(days=days))


def _entry(kind: str, period: str, age_days: int) -> dict[str, object]:
    made = datetime.now(UTC) - timedelta(days=age_days)
    return {
        "kind": kind, "period": period, "made_at": made.isoformat(), "so_far": False, "digest": "d",
        "transactions": 1, "alerts": 1, "precision": None,
    }  # fmt: skip


def test_backtests_notices_and_past_incidents(tmp_path: Path):
    lake = Lake(tmp_path.as_uri())
    lake.write_bytes("backtests/a/backtest.html", b"x")
    lake.write_json("notices/a.json", {"sent": True})
    long_ago = datetime.now(UTC) - timedelta(days=30)
    for key in ("over", "open"):
        raise_incident(lake, key, "words", at=long_ago)
    clear_incident(lake, "over", at=long_ago)
    found = _delete(lake, 0)
    assert {name for name, count in found.items() if count} == {"incidents"}
    assert recent_incidents(lake, long_ago - timedelta(days=1)) == open_incidents(lake)
    assert [one.key for one in open_incidents(lake)] == ["open"]
    found = _delete(lake, 11)
    assert (found["backtests"], found["notices"]) == (1, 1)
    assert lake.names("backtests") == lake.names("notices") == []


def test_reports_by_kind(tmp_path: Path):
    lake = Lake(tmp_path.as_uri())
    entries = [
        _entry("daily", "2026-01-01", 30),
        _entry("daily", "2026-01-02", 1),
        _entry("monthly", "2026-01", 30),
    ]
    lake.write_json("reports/index.json", entries)
    for one in entries:
        lake.write_bytes(f"reports/{one['kind']}/{one['period']}/report.html", b"x")
    found = _delete(lake, 0)
    assert (found["daily reports"], found["monthly reports"]) == (1, 0)
    assert [one.period for one in stored_reports(lake, Kind.DAILY)] == ["2026-01-02"]
    assert lake.names("reports/daily") == ["2026-01-02"]
    assert lake.names("reports/monthly") == ["2026-01"]


def test_only_models_that_never_decided_go_and_the_audit_holds(bank: AuditedBank):
    lake = bank.lake
    (promoted,) = model_registry(lake).versions()
    for version in ("rejected", "in-the-shadow"):
        folder = bank.folder / "models" / "versions"
        for path in (folder / promoted).iterdir():
            lake.write_bytes(f"models/versions/{version}/{path.name}", path.read_bytes())
    book = ChallengerBook(lake)
    book.enter("in-the-shadow", Phase.SHADOW, by="a test", reason="to be compared")
    book.enter("rejected", Phase.REFUSED, by="a test", reason="not good enough")
    assert _delete(lake, 0)["models"] == 0
    assert _delete(lake, 11)["models"] == 1
    assert model_registry(lake).versions() == tuple(sorted(["in-the-shadow", promoted]))
    assert [one.subject for one in AuditChain(lake, RETENTION).records()] == ["model rejected"]
    assert verify_audit(lake).problems == []
    assert _delete(lake, 11)["models"] == 0
