"""Goes through a queue page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from include.cases.queue import QueueEntry, QueueQuery
from include.stores.case_ports import QueueStore


def every_page(queue: QueueStore, query: QueueQuery) -> Iterator[tuple[QueueEntry, ...]]:
    """The rows that answer a question, a page at a time, from the question's own place on; no page is empty."""
    while True:
        page = queue.page(query)
        if page.entries:
            yield page.entries
        if page.next_after is None:
            return
        query = replace(query, after=page.next_after)
