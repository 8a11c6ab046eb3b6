"""What of the lake is deleted by its age alone, because nothing is computed from it any more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from include.detection.registry import ModelRegistry
from include.governance.audit import AuditChain
from include.governance.decisions import RETENTION
from include.governance.incidents import delete_incidents
from include.pipeline.challengers import SCORED, ChallengerBook, Phase
from include.privacy.retention import age
from include.reports.archive import delete_reports
from include.reports.periods import Kind
from include.stores.lake.files import Lake
from include.stores.lake.names import BACKTESTS, MODELS, NOTICES

#: A model in one of these decides, is compared, or can take its place again.
_NEEDED = SCORED | {Phase.CHAMPION}


def delete_leftovers(
    lake: Lake, registry: ModelRegistry, wanted: Mapping[str, int], now: datetime
) -> dict[str, int]:
    """Delete old back-tests, notices, past incidents, reports and models; how many of each.

    Idempotent, and may be broken off anywhere: the rest is found the next time.

    Parameters
    ----------
    wanted
        See ``include.privacy.retention.days_wanted``.
    """
    return {
        "backtests": _delete_folders(lake, BACKTESTS, age(wanted, "backtests"), now),
        "notices": _delete_files(lake, NOTICES, age(wanted, "notices"), now),
        "incidents": delete_incidents(lake, now - age(wanted, "incidents")),
        "daily reports": delete_reports(lake, Kind.DAILY, now - age(wanted, "daily_reports")),
        "monthly reports": delete_reports(lake, Kind.MONTHLY, now - age(wanted, "monthly_reports")),
        "models": delete_models(lake, registry, age(wanted, "models"), now),
    }


def delete_models(lake: Lake, registry: ModelRegistry, older_than: timedelta, now: datetime) -> int:
    """Delete old versions that were never promoted, not even to a share; returns how many.

    A version that was promoted may have decided: seals name its manifest, and a replay needs it. What is
    deleted stands in the audit chain ``retention`` first.
    """
    promoted = {one.version for one in registry.promotions()}
    book = ChallengerBook(lake)
    deleted = 0
    for version in registry.versions():
        challenger = book.get(version)
        needed = challenger is not None and challenger.phase in _NEEDED
        folder = f"{MODELS}/versions/{version}"
        if version in promoted or needed or not _is_old(lake, folder, older_than, now):
            continue
        AuditChain(lake, RETENTION).append(
            key=f"model={version}",
            kind="model deleted",
            actor="clean_lake",
            subject=f"model {version}",
            content={"older_than_days": older_than / timedelta(days=1), "promoted": False},
        )
        lake.delete_folder(folder)
        deleted += 1
    return deleted


def _delete_folders(lake: Lake, folder: str, older_than: timedelta, now: datetime) -> int:
    due = [f"{folder}/{name}" for name in lake.names(folder)]
    due = [path for path in due if _is_old(lake, path, older_than, now)]
    for path in due:
        lake.delete_folder(path)
    return len(due)


def _delete_files(lake: Lake, folder: str, older_than: timedelta, now: datetime) -> int:
    due = lake.written_before(folder, now - older_than)
    for path in due:
        lake.delete_file(path)
    return len(due)


def _is_old(lake: Lake, folder: str, older_than: timedelta, now: datetime) -> bool:
    """Whether everything in a folder was written long ago."""
    before = now - older_than
    return bool(lake.written_before(folder, before)) and not lake.written_since(folder, before)
