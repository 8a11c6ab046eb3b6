"""# usual_way

How streams are commonly put under an orchestrator, for comparison: a sensor that pokes, `spark-submit` for every batch,
then Python tasks, all in one DAG that begins again when it has ended. What the tasks do is what the chain does.
Only the Airflow of `make bench` sees this DAG.
"""

import os

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.sdk import DAG


def something_came() -> bool:
    """Whether the brokers have what no batch has."""
    from include.orchestration.connections import kafka_config
    from include.settings import settings
    from include.stores.lake.files import Lake
    from include.stores.lake.ledger import BatchLedger
    from include.transactions.offsets import TopicOffsets, lag

    now = settings()
    with TopicOffsets(kafka_config(), now.topics.transactions) as offsets:
        return lag(offsets.ends(), BatchLedger(Lake(now.lake)).processed_offsets()) > 0


def score_batches() -> None:
    """Score what is due."""
    from include.orchestration import tasks

    tasks.score(None)


def raise_alerts() -> None:
    """Raise and send what is due."""
    from include.orchestration import alerting

    alerting.raise_alerts(None)


def load_batches() -> None:
    """Load what is due."""
    from include.orchestration import tasks

    tasks.load(None)


with DAG(
    dag_id="usual_way",
    schedule="@continuous",
    max_active_runs=1,
    catchup=False,
    is_paused_upon_creation=True,
    doc_md=__doc__,
):
    wait = PythonSensor(task_id="wait", python_callable=something_came, poke_interval=1, timeout=600)
    spark_submit = BashOperator(
        task_id="spark_submit",
        bash_command=os.environ.get("TIDEWATCH_BENCH_SUBMIT", "exit 1"),
        append_env=True,
    )
    score = PythonOperator(task_id="score", python_callable=score_batches)
    alert = PythonOperator(task_id="alert", python_callable=raise_alerts)
    load = PythonOperator(task_id="load", python_callable=load_batches)
    wait >> spark_submit >> score >> [alert, load]
