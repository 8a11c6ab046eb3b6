"""Body of the task that hands traces to a collector."""

from __future__ import annotations

import logging

from airflow.sdk.exceptions import AirflowSkipException

from include.settings import settings
from include.stores.lake.files import Lake

log = logging.getLogger(__name__)


def export_traces() -> None:
    """Hand over what has been finished since the last time.

    Raises
    ------
    AirflowSkipException
        No collector is set, or it does not take them now: nothing else waits for that.
    """
    from include.telemetry.otlp import CollectorAway, export_traces

    now = settings()
    if not now.otlp_endpoint:
        raise AirflowSkipException(
            "traces go nowhere: set TIDEWATCH_OTLP_ENDPOINT, see docs/observability.md"
        )
    try:
        done = export_traces(Lake(now.lake), now.otlp_endpoint)
    except CollectorAway as away:
        log.warning("%s", away)
        raise AirflowSkipException(str(away)) from away
    log.info("traces of %s batches handed over, %s spans", done.batches, done.spans)
