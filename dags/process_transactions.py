"""# process_transactions

From Kafka to accepted batches. Woken by the arrival of transactions (`kafka_arrivals` watches the topic), it
starts one `availableNow` run of the Spark streaming job: read, parse, validate, remove duplicates. Each
micro-batch becomes a *batch* with a number, its partition key from here on.

* Valid rows: the lake, `accepted/batch=…`. Invalid ones: `transactions.dead-letter`, with every reason.
* A wake-up is not a work list: a run does all that has arrived; a wake-up too many finds nothing.
* Failed? Retries by themselves; nothing is lost, Spark repeats the micro-batch it had planned.
* Records that Kafka no longer has become a batch without rows that counts them, and an incident.
* Cassandra away? Skipped: read and decided without history for the time being, settled later, in order.
"""

from airflow.sdk import DAG

from include.assets import TRANSACTION_BATCHES, TRANSACTIONS
from include.orchestration.operators import StepOperator
from include.orchestration.retries import CHAIN


def process_transactions(*, outlet_events=None):
    """Run the streaming job and tell of every batch it made."""
    from include.orchestration.tasks import process

    outlet_events[TRANSACTION_BATCHES].add_partitions(process())


with DAG(
    dag_id="process_transactions",
    schedule=[TRANSACTIONS],
    # One runs, one waits with its start-up behind it. With 1 the scheduler once stopped for 30 s.
    max_active_runs=2,
    catchup=False,
    default_args=CHAIN,
    tags=["chain", "spark", "kafka"],
    doc_md=__doc__,
):
    StepOperator(
        task_id="process_transactions",
        python_callable=process_transactions,
        pool="process",
        outlets=[TRANSACTION_BATCHES],
    )
