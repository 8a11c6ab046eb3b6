"""Lists that people take out of the bank as files: for analysts, asked for here, on record before the first byte."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import StreamingResponse

from include.pipeline.desk_audit import DeskAudit
from include.reports.csv_export import csv_lines
from plugins.fraud_desk.access import Analyst, Person
from plugins.fraud_desk.origin import asked_here

#: Most rows of a file.
MOST = 200_000


def _taker(person: Analyst, _: Annotated[None, Depends(asked_here)]) -> Person:
    return person


#: Parameter of routes: an analyst, who asks from a page of the desk.
Taker = Annotated[Person, Depends(_taker)]


def taken_out(
    audit: DeskAudit,
    person: Person,
    what: str,
    detail: Mapping[str, Any],
    rows: Iterable[object],
    columns: Sequence[str],
    name: str,
) -> StreamingResponse:
    """A list as CSV, of ``MOST`` rows at most; who takes it, and what was asked for, is put on record first.

    Parameters
    ----------
    what
        Names the list, e.g. ``queue``: subject of the audit record.
    detail
        What was asked for.
    name
        Of the file.
    """
    left = iter(rows)
    first = list(islice(left, 1))  # a store that does not answer is an error, and no empty file
    told = {**detail, "at": datetime.now(UTC)}
    audit.note(f"{what} exported", person.name, what, told, f"export:{what}:{uuid.uuid4()}")
    return as_csv(chain(first, left), columns, name, MOST)


def as_csv(
    rows: Iterable[object], columns: Sequence[str], name: str, limit: int | None = None
) -> StreamingResponse:
    """Rows as a file; by itself for lists that say nothing of persons."""
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(csv_lines(rows, columns, limit=limit), media_type="text/csv", headers=headers)
