"""# train_models

Trains models (gradient boosting, Isolation Forest, One-Class SVM): the first one, and the challengers after it.

* `prepare_history`, `load_states`, `train_first_model`: once the stores have been made, on the history of the simulated
  bank; only if there is no model yet. The first model decides at once.
* `train_challenger`, `enter_challenger`: when drift calls for it, every Monday, or by hand. It learns from what live
  scoring used and what is labelled by now, is measured on the newest labelled days, and goes into the shadow: it
  decides on nothing before `approve_model`. Too few labels, or a retraining planned for later: skipped; see its log.
"""

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task

from include.assets import CHALLENGERS, FRAUD_MODEL, MODEL_DRIFT, STORES
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="train_models",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("0 4 * * 1", timezone="UTC"), assets=(STORES | MODEL_DRIFT)
    ),
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN,
    tags=["models", "simulation"],
    doc_md=__doc__,
):

    @task(pool="train")
    def prepare_history(*, params=None):
        """Simulate the history and compute its features."""
        from include.orchestration.bank import prepare_history

        prepare_history(params)

    @task(pool="train")
    def load_states(*, params=None):
        """Load the states that the history leaves behind."""
        from include.orchestration.bank import load_states

        load_states(params)

    @task(pool="govern", outlets=[FRAUD_MODEL])
    def train_first_model(*, params=None, dag_run=None):
        """Train, publish, promote; only if there is no model."""
        from include.orchestration.bank import train_first_model

        return train_first_model(params, dag_run.triggering_user_name)

    @task(pool="train", execution_timeout=timedelta(hours=2), trigger_rule="none_failed")
    def train_challenger(*, params=None, dag_run=None, triggering_asset_events=None):
        """Measure, train, publish."""
        from include.orchestration.adaptation import train_challenger

        woken_by = [asset.name for asset in triggering_asset_events or ()]
        return train_challenger(params, dag_run.run_type, dag_run.triggering_user_name, woken_by)

    @task(pool="govern", outlets=[CHALLENGERS])
    def enter_challenger(trained, *, dag_run=None):
        """Send it into the shadow, or say why not."""
        from include.orchestration.adaptation import enter_challenger

        return enter_challenger(trained, dag_run.triggering_user_name)

    history, first, challenger = prepare_history(), train_first_model(), train_challenger()
    history >> [load_states(), first]
    first >> challenger
    enter_challenger(challenger)
