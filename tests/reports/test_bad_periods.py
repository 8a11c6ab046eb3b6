"""A period whose report cannot be made keeps no other from its report, and is told of."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from include.orchestration import reporting
from include.orchestration.reporting import build_reports
from include.reports.periods import Period

DAYS = [Period.parse("daily", f"2026-03-0{day}") for day in (1, 2, 3)]


def test_one_bad_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def build(lake: Any, period: Period, sources: Any, now: datetime) -> Any:
        if period is DAYS[0]:
            raise ValueError("a broken file")
        made.append(period.name)

    monkeypatch.setattr(reporting, "settings", lambda: SimpleNamespace(lake=tmp_path.as_uri()))
    monkeypatch.setattr(reporting, "due_periods", lambda lake, now: DAYS)
    monkeypatch.setattr(reporting, "_sources", nullcontext)
    monkeypatch.setattr(reporting, "build", build)
    monkeypatch.setattr(
        reporting, "datetime", SimpleNamespace(now=lambda zone: datetime(2026, 3, 4, tzinfo=UTC))
    )
    monkeypatch.setattr(reporting.os, "nice", lambda by: 0)
    with pytest.raises(ValueError, match="a broken file") as raised:
        build_reports({"kind": "", "period": ""})
    assert raised.value.__notes__ == ["of 3 reports 2 were made; not 2026-03-01; this is of 2026-03-01"]
    assert made == ["2026-03-02", "2026-03-03"]
