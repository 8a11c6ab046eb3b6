"""# monitor_drift

Has what is scored, or what fraud looks like, changed since the model was promoted? Looks every ten minutes at

* the score and the alert rate, feature by feature, by transaction type, channel and country (PSI, same day);
* missing and never-seen values;
* labelled frauds that had not been alerted (ADWIN), as labels arrive.

An alarm says what, where, since when and how sure. It is an event of `model_drift` (see its extra), is mailed to the
model owner, stands with its plot in the lake (`drift/alarms/`), and starts `train_models`. Each is told once.
"""

from datetime import timedelta

from airflow.sdk import DAG, task

from include.assets import MODEL_DRIFT
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="monitor_drift",
    schedule=timedelta(minutes=10),
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN,
    tags=["models", "drift"],
    doc_md=__doc__,
):

    @task(pool="watch", outlets=[MODEL_DRIFT])
    def watch_drift(*, outlet_events=None):
        """Look, and tell what is new."""
        from include.orchestration.adaptation import watch_drift

        outlet_events[MODEL_DRIFT].extra = watch_drift()

    watch_drift()
