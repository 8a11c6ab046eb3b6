"""When the store of the past stays away: decide without history, say so, and say when it is over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from include.governance.incidents import clear_incident, raise_incident
from include.pipeline.provisional import RulesInForce, decide_without_history, waiting_for_history
from include.stores.cassandra.errors import StoreUnavailable
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage

INCIDENT = "no-history"

#: Shared with the observers of ``flow_watch``, who delete it when Cassandra answers.
_AWAY = "watch/away/cassandra.json"


def is_store_away(error: Exception) -> bool:
    """Whether Cassandra was the reason; from a Spark worker an error comes as text."""
    return isinstance(error, StoreUnavailable) or f"errors.{StoreUnavailable.__name__}" in str(error)


def store_is_away_for_long(lake: Lake, patience_seconds: float, now: datetime | None = None) -> bool:
    """Whether Cassandra has been away for longer than one waits; begins to count if nobody has."""
    now = now or datetime.now(UTC)
    before = lake.read_json(_AWAY)
    if before is None:
        before = {"since": now.isoformat(), "noticed_by": "score_transactions"}
        lake.write_json(_AWAY, before)
    return now - datetime.fromisoformat(before["since"]) >= timedelta(seconds=patience_seconds)


def decide_for_now(
    lake: Lake, rules: RulesInForce, batches: Iterable[tuple[int, pa.Table]], said: str
) -> str:
    """Decide batches without history and raise the incident; returns its words."""
    decide_without_history(lake, rules, batches)
    waiting = waiting_for_history(lake)
    words = (
        f"{waiting.transactions:,} transactions in {waiting.batches} batches are decided without history, for the "
        f"store of the past does not answer ({said}); {waiting.alerts} of them ALERT, which are in no queue yet. "
        "They are scored again, in order, once it does"
    )
    detail = {"batches": waiting.batches, "transactions": waiting.transactions, "alerts": waiting.alerts}
    raise_incident(lake, INCIDENT, words, detail)
    return words


def over_if_caught_up(lake: Lake) -> None:
    """Clear the incident once nothing that was decided without history waits to be scored."""
    if not BatchLedger(lake).due(Stage.SCORED) and not waiting_for_history(lake).batches:
        clear_incident(lake, INCIDENT)
