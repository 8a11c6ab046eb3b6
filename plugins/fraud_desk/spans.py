"""Over how many days figures are shown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import Depends

#: Days that may be asked for.
DAYS = (7, 28, 90)


def period(days: int, now: datetime | None = None) -> tuple[date, date]:
    """From the first day up to but without the day after today, UTC."""
    tomorrow = (now or datetime.now(UTC)).date() + timedelta(days=1)
    return tomorrow - timedelta(days=days), tomorrow


def _days(days: int = 28) -> int:
    return days if days in DAYS else 28


#: Parameter of routes: over how many days.
DaysDep = Annotated[int, Depends(_days)]
