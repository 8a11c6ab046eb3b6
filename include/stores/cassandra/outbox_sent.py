"""How many messages went to whom lately: each run's own rows, so that nothing has to be counted up."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import chain

from cassandra.cluster import Session

from include.alerts.limits import SentKey, minutes_lately
from include.stores.cassandra.batches import bind_rows, write_rows
from include.stores.cassandra.statements import execute_many, insert_into, prepare

_COLUMNS = ("minute", "channel", "recipient", "run_id", "sent")
_READ = "SELECT minute, channel, recipient, sent FROM sent_by_minute WHERE minute = ?"


class OutboxSent:
    """``sent_by_minute``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def note(self, run_id: uuid.UUID, sent: Mapping[SentKey, int]) -> None:
        """Record what a run has sent. Idempotent: a row is addressed by the run."""
        statement = insert_into(self._session, "sent_by_minute", _COLUMNS)
        rows = [(key.minute, key.channel, key.recipient, run_id, count) for key, count in sent.items()]
        write_rows(self._session, statement, bind_rows(statement, rows))

    def lately(self, now: datetime) -> dict[SentKey, int]:
        """What all runs have sent in the minute of ``now`` and in the one before; two partitions at once."""
        statement = prepare(self._session, _READ)
        calls = [(statement, (minute,)) for minute in minutes_lately(now)]
        counter: Counter[SentKey] = Counter()
        rows = chain.from_iterable(execute_many(self._session, calls, "reading what was sent lately"))
        for minute, channel, recipient, sent in rows:
            counter[SentKey(minute.replace(tzinfo=UTC), channel, recipient)] += sent
        return dict(counter)
