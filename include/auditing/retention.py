"""``make retention``: what every table, folder, topic and log keeps, for how long, and who deletes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from include.privacy.retention import DEFAULT_DAYS, ELSEWHERE, LAKE, TOPICS, Kept
from include.settings import settings
from include.stores.cassandra.retention import FOR_EVER, OTHERWISE, TABLES, Retention
from include.transactions.topics import topic_specs

_DAY_SECONDS = 86_400


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Place, what it keeps, days and who deletes it; of tables the time-to-live."""
    now = settings()
    for name, kept in LAKE.items():
        yield _row(f"lake `{name}/`", kept, kept.days(DEFAULT_DAYS))
    specs = topic_specs(
        transactions="transactions",
        dead_letter="dead_letter",
        labels="labels",
        retention=now.stream.retention,
    )
    for spec in specs:
        yield _row(f"topic `{getattr(now.topics, spec.name)}`", TOPICS[spec.name], spec.retention.days)
    seconds = Retention().seconds()
    for name, tables in TABLES.items():
        days = seconds[name] // _DAY_SECONDS or None
        by = "Cassandra, by time-to-live" if days else FOR_EVER[name]
        for table in tables:
            yield f"table `{table}`", name.replace("_", " "), _days(days), by
    for table, why in OTHERWISE.items():
        yield f"table `{table}`", "bookkeeping", _days(None), why
    for name, kept in ELSEWHERE.items():
        yield _row(name, kept, kept.days(DEFAULT_DAYS))


def table() -> str:
    """All of it, as a table in Markdown."""
    lines = ["| place | what | days | who deletes it |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows())]) + "\n"


def _row(place: str, kept: Kept, days: int | None) -> tuple[str, str, str, str]:
    what = f"{kept.what} ({kept.personal})" if kept.personal else kept.what
    return place, what, _days(days), kept.by


def _days(days: int | None) -> str:
    return "–" if days is None else f"{days:,}"


if __name__ == "__main__":
    sys.stdout.write(table())
