"""Times to the microsecond in a database whose timestamps hold milliseconds.

A time ``t`` is stored as two columns, ``t`` (timestamp) and ``t_us`` (smallint, 0–999).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def split(moment: datetime) -> tuple[datetime, int]:
    """UTC time cut to the millisecond, and the microseconds below it.

    Raises
    ------
    ValueError
        For a time without a zone, which could mean anything.
    """
    if moment.tzinfo is None:
        raise ValueError(
            f"expected a time with a zone; came {moment.isoformat()}: attach UTC where it was made"
        )
    moment = moment.astimezone(UTC)
    below = moment.microsecond % 1000
    return moment - timedelta(microseconds=below), below


def split_optional(moment: datetime | None) -> tuple[datetime | None, int | None]:
    """``split``, passing None through."""
    return (None, None) if moment is None else split(moment)


def join(stored: datetime, below: int | None) -> datetime:
    """The time again, in UTC; the driver hands out naive UTC times."""
    return stored.replace(tzinfo=UTC) + timedelta(microseconds=below or 0)


def join_optional(stored: datetime | None, below: int | None) -> datetime | None:
    """``join``, passing None through."""
    return None if stored is None else join(stored, below)


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, as ``USING TIMESTAMP`` wants them."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def month_of(moment: datetime) -> int:
    """UTC month as yyyymm, the bucket of ``transactions_by_account``."""
    moment = moment.astimezone(UTC)
    return moment.year * 100 + moment.month
