"""Metrics for Prometheus, of the whole chain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

from fastapi import APIRouter, Depends, Request, Response

from include.alerts.routing_file import load_routing
from include.settings import settings
from include.telemetry import flow, standing
from include.telemetry.exposition import Exposition
from plugins.fraud_desk.access import scraper
from plugins.fraud_desk.bank import Bank
from plugins.fraud_desk.watching import Watch

router = APIRouter(dependencies=[Depends(scraper)])


@router.get("/api/metrics")
def metrics(request: Request) -> Response:
    """The metrics, a few seconds old at most, as text or as OpenMetrics, whichever is asked for."""
    exposition = cast(Exposition, request.app.state.exposition)
    text, media_type = exposition.text(request.headers.get("accept", ""))
    return Response(text, headers={"content-type": media_type})


def exposition_of(bank: Bank, watch: Watch) -> Exposition:
    """The metrics of a bank; each part may fail on its own."""
    now = settings()
    topics = now.topics
    return Exposition(
        {
            "ledger": lambda: flow.flow_samples(bank.lake, topics.transactions, topics.labels),
            "broker": lambda: standing.broker_samples(
                bank.lake, topics.transactions, bank.end_offsets(), bank.oldest_arrival, datetime.now(UTC)
            ),
            "outbox": lambda: standing.outbox_samples(
                bank.stores().outbox, tuple(sorted(load_routing().channels())), datetime.now(UTC)
            ),
            "alerts": lambda: standing.open_alert_samples(
                {severity.value: count for severity, count in watch.counted().open_by_severity.items()}
            ),
            "incidents": lambda: standing.incident_samples(bank.lake, datetime.now(UTC)),
            "drift": lambda: standing.drift_samples(bank.lake),
            "tasks": lambda: standing.failed_task_samples(
                bank.failed_tasks(datetime.now(UTC) - timedelta(hours=1))
            ),
            "disk": lambda: standing.disk_samples({"lake": bank.lake.uri, "stack": str(now.stack_dir)}),
        }
    )
