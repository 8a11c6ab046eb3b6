"""# export_traces

Hands one trace a batch to an OpenTelemetry collector, with a span for every stage: from the broker's time of the
batch's oldest record to its rows in Cassandra. The traces are made of what the stages have written down, so nothing
in the chain ever waits for the collector, and one that was down gets them later.

* Off unless `TIDEWATCH_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_ENDPOINT`) is set; then it runs twice a minute.
* What to connect, and the metrics: `docs/observability.md`.
"""

from datetime import timedelta

from airflow.sdk import DAG, task

from include.orchestration.retries import CHAIN
from include.settings import settings

with DAG(
    dag_id="export_traces",
    schedule=timedelta(seconds=30) if settings().otlp_endpoint else None,
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN | {"retries": 0},
    tags=["observability"],
    doc_md=__doc__,
):

    @task(pool="sweep")
    def export_traces():
        """Hand over the traces of finished batches."""
        from include.orchestration.telemetry import export_traces

        export_traces()

    export_traces()
