"""What the chain's tasks have in common: which batches a run has to do, and their partition keys."""

from __future__ import annotations

import logging
from typing import Any

from opentelemetry.trace import get_current_span

from include.stores.lake.ledger import BatchLedger, Stage, partition_key

log = logging.getLogger(__name__)


def keys_of(batches: list[int]) -> list[str]:
    """Airflow's partition keys of batches."""
    return [partition_key(batch) for batch in batches]


def batches_to_do(ledger: BatchLedger, stage: Stage, run: Any) -> range:
    """What a run has to do: all that is due, or its own batch again if somebody cleared it.

    Parameters
    ----------
    run
        The task's ``dag_run``; its partition key names a batch, its ``clear_number`` tells a person's
        wish to repeat from a wake-up that came late.
    """
    due = ledger.due(stage)
    key = getattr(run, "partition_key", None)
    if key and getattr(run, "clear_number", 0) and int(key) < due.start:
        log.info("batch %s is done again by hand", key)
        return range(int(key), int(key) + 1)
    return due


def this_run() -> dict[str, str]:
    """The Airflow run this process works for, as manifests note it; nothing outside of a task.

    With Airflow's own traces on (``[traces] otel_on``) the task's span is noted too, so that a batch's trace can
    be linked to it.
    """
    from airflow.sdk import get_current_context

    try:
        run = get_current_context()["dag_run"]
    except RuntimeError:  # as a command, in tests
        return {}
    here = {"dag_id": str(run.dag_id), "run_id": str(run.run_id)}
    if (current := get_current_span()).is_recording():  # else nobody is told of that span
        span = current.get_span_context()
        here["span"] = f"{span.trace_id:032x}-{span.span_id:016x}"
    return here
