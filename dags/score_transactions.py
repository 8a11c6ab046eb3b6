"""# score_transactions

Scores accepted batches: features from the account's and the counterparty's past, rules, Isolation Forest,
One-Class SVM, gradient boosting, and one decision a transaction: ALLOW, REVIEW or ALERT, with reasons.

* One run a batch (see the partition key). It does every batch that is due, in order.
* To score a batch again, clear its run: same states, same model version, same result.
* No model yet? Rules alone decide, and every decision says so (`level`).
* Cassandra away? Skipped: decided without history for the time being, marked, and scored again in order.
"""

from airflow.sdk import DAG, PartitionedAssetTimetable

from include.assets import SCORED_BATCHES, TRANSACTION_BATCHES
from include.orchestration.operators import StepOperator
from include.orchestration.retries import CHAIN


def score_transactions(*, dag_run=None, outlet_events=None):
    """Score what is due."""
    from include.orchestration.tasks import score

    outlet_events[SCORED_BATCHES].add_partitions(score(dag_run))


with DAG(
    dag_id="score_transactions",
    schedule=PartitionedAssetTimetable(assets=TRANSACTION_BATCHES),
    catchup=False,
    default_args=CHAIN,
    tags=["chain", "detection"],
    doc_md=__doc__,
):
    StepOperator(
        task_id="score_transactions",
        python_callable=score_transactions,
        pool="score",
        outlets=[SCORED_BATCHES],
    )
