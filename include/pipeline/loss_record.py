"""What was lost before it was processed: a numbered batch without rows, an audit record and an incident.

The batch makes the loss exactly-once: its manifest has the offsets, and the one write that moves the cursor past them
adds them to the ledger's totals. So ``produced = accepted + duplicates + dead_lettered + lost``, always.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from include.governance.audit import record_action
from include.governance.audit_errors import AuditError
from include.governance.incidents import clear_incident, open_incidents, raise_incident
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger
from include.transactions.losses import Extent, Known, Standing, standing

log = logging.getLogger(__name__)

_KEY = "lost-"
#: So long a loss is shown as an open incident; in ledger and audit it stays.
SHOWN = timedelta(days=1)


def note_extent(lake: Lake, stage: str, extent: Extent) -> None:
    """Remember how far a topic reaches: if it is deleted, nobody can ask any more."""
    ends = {str(partition): end for partition, end in extent.ends.items()}
    lake.write_json(_seen_file(stage, extent.identity), {"ends": ends})


def standing_of(lake: Lake, stage: str, extent: Extent) -> Standing:
    """How a stage stands to its topic; see ``losses.standing``."""
    ledger = BatchLedger(lake)
    identity = ledger.cursor(stage).positions.get("topic")
    seen: Mapping[str, Any] = (lake.read_json(_seen_file(stage, identity)) if identity else None) or {}
    ends = {int(partition): int(end) for partition, end in seen.get("ends", {}).items()}
    return standing(ledger.processed_offsets(stage), extent, Known(identity, ends))


def settle_loss(
    lake: Lake,
    stage: str,
    found: Standing,
    extent: Extent,
    counts: Mapping[str, int],
    write_empty: Callable[[int], None],
) -> int:
    """Count what was lost, tell of it, and move the cursor to where the topic goes on; returns the batch's number.

    Idempotent: everything is written under the number of the batch that is next, and the cursor moves last.

    Parameters
    ----------
    counts
        The counts of a batch without rows, as the stage's other batches have them.
    write_empty
        Writes the files of a batch without rows, given its number.
    """
    ledger = BatchLedger(lake)
    cursor = ledger.cursor(stage)
    batch = cursor.next_batch
    write_empty(batch)
    words = (
        f"{found.count:,} offsets can never be read any more: {'; '.join(map(str, found.lost))}"
        if found.lost
        else "the topic is not the one that was processed; nothing is known to be lost"
    )
    advice = "lengthen the topic's retention, and find out what stopped the processing; send again what the source has"
    try:
        record_action(
            lake,
            f"batch {batch} of {stage}",
            "offsets lost",
            f"{stage} batch {batch}",
            {**found.facts(), "topic": extent.identity, "count": found.count},
        )
    except AuditError as error:
        raise_incident(lake, "audit", f"the loss in batch {batch} of {stage} has no audit record: {error}")
    raise_incident(
        lake,
        f"{_KEY}{stage}-{batch:010d}",
        f"{words}. They are counted as lost in batch {batch}; {advice}. Shown for a day",
        {**found.facts(), "batch": batch, "stage": stage},
    )
    log.error("%s, batch %s: %s", stage, batch, words)
    ledger.complete(
        stage,
        batch,
        {**counts, "lost": found.count},
        positions={**cursor.positions, "offsets": dict(found.resume), "topic": extent.identity},
        facts={"start_offsets": ledger.processed_offsets(stage), **found.facts()},
    )
    return batch


def forget_old_losses(lake: Lake, now: datetime) -> None:
    """Close incidents of losses that have been shown for long enough."""
    for one in open_incidents(lake):
        if one.key.startswith(_KEY) and now - one.last_seen >= SHOWN:
            clear_incident(lake, one.key, now)


def _seen_file(stage: str, identity: str) -> str:
    return f"watch/ends/{stage}/{identity}.json"
