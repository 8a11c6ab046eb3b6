"""# collect_labels

Takes fraud labels (what analysts, charge-backs and customers say of transactions) from `fraud-labels` into batches:
the lake (`labels/batch=…`) keeps every one, Cassandra the newest word of every source.

* Sources contradict each other? A charge-back counts for more than an analyst, an analyst for more than a customer;
  of one source the newest word counts.
* A label that breaks the contract goes to `transactions.dead-letter`, with every reason.
* How late labels come, by source, is in the log and in the batch's manifest.
* Done twice, nothing changes. A label of a transaction nobody knows (yet) is kept.
"""

from airflow.sdk import DAG

from include.assets import LABEL_ARRIVALS, LABEL_BATCHES
from include.orchestration.operators import StepOperator
from include.orchestration.retries import CHAIN


def collect_labels(*, outlet_events=None):
    """Take what has arrived."""
    from include.orchestration.tasks import collect_labels

    outlet_events[LABEL_BATCHES].add_partitions(collect_labels())


with DAG(
    dag_id="collect_labels",
    schedule=[LABEL_ARRIVALS],
    # As for process_transactions: one runs, one waits.
    max_active_runs=2,
    catchup=False,
    default_args=CHAIN,
    tags=["labels", "kafka"],
    doc_md=__doc__,
):
    StepOperator(
        task_id="collect_labels", python_callable=collect_labels, pool="labels", outlets=[LABEL_BATCHES]
    )
