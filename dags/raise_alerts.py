"""# raise_alerts

Writes an alert for every transaction decided ALERT, once, with its reasons, feature values, model and rule
versions frozen in it, and sends it to staff and, where `include/alerts/routing.yaml` says so, to the customer.

* A repetition on the same account joins the alert before it, and a suppressed one is told to nobody; both are kept.
* Sent from an outbox: a delivery is claimed, sent, recorded. What a crash leaves open is sent again under the same
  Message-ID, by which the receiver knows it.
* Too many at once for one group become a digest.
* The vendor is away? Deliveries wait and are tried again, with growing pauses (`sweep_batches`).
"""

from airflow.sdk import DAG, PartitionedAssetTimetable

from include.assets import ALERTS, SCORED_BATCHES
from include.orchestration.operators import StepOperator
from include.orchestration.retries import CHAIN


def raise_alerts(*, dag_run=None, outlet_events=None):
    """Raise and send what is due."""
    from include.orchestration import alerting

    outlet_events[ALERTS].add_partitions(alerting.raise_alerts(dag_run))


with DAG(
    dag_id="raise_alerts",
    schedule=PartitionedAssetTimetable(assets=SCORED_BATCHES),
    catchup=False,
    default_args=CHAIN,
    tags=["chain", "alerts"],
    doc_md=__doc__,
):
    StepOperator(task_id="raise_alerts", python_callable=raise_alerts, pool="alert", outlets=[ALERTS])
