"""# load_cassandra

Loads scored batches into Cassandra: transactions by account and by id, decisions, and the totals of accounts
and counterparties by hour, by day and running.

* Every row is keyed by its transaction or its batch, so loading twice changes nothing. No counters.
* Off the alert's path: alerts do not wait for it.
"""

from airflow.sdk import DAG, PartitionedAssetTimetable

from include.assets import SCORED_BATCHES, STORED_TRANSACTIONS
from include.orchestration.operators import StepOperator
from include.orchestration.retries import CHAIN


def load_cassandra(*, dag_run=None, outlet_events=None):
    """Load what is due."""
    from include.orchestration.tasks import load

    outlet_events[STORED_TRANSACTIONS].add_partitions(load(dag_run))


with DAG(
    dag_id="load_cassandra",
    schedule=PartitionedAssetTimetable(assets=SCORED_BATCHES),
    catchup=False,
    default_args=CHAIN,
    tags=["chain", "cassandra"],
    doc_md=__doc__,
):
    StepOperator(
        task_id="load_cassandra", python_callable=load_cassandra, pool="load", outlets=[STORED_TRANSACTIONS]
    )
