"""# train_models

* The first model: once the stores have been made, on the history of the simulated bank. It decides at once.
* A challenger: when drift calls for it, every Monday, or by hand. It learns from what live scoring used and what is
  labelled by now, is measured on the newest labelled days, and goes into the shadow: it decides on nothing before
  `approve_model`. Too few labels, or a retraining planned for later: skipped; see its log.
"""

from datetime import timedelta
from importlib import import_module

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task

from include.assets import CHALLENGERS, FRAUD_MODEL, MODEL_DRIFT, STORES
from include.orchestration.retries import CHAIN

# On the day itself too a new installation does not begin with it: there is nothing to learn from yet.
EARLY_ON_MONDAYS = CronTriggerTimetable("0 4 * * 1", timezone="UTC", run_immediately=timedelta(seconds=1))


def body(module):
    """Bodies of the tasks, imported when one runs."""
    return import_module(f"include.orchestration.{module}")


with DAG(
    dag_id="train_models",
    schedule=AssetOrTimeSchedule(timetable=EARLY_ON_MONDAYS, assets=(STORES | MODEL_DRIFT)),
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN,
    tags=["models", "simulation"],
    doc_md=__doc__,
):

    @task(pool="train")
    def prepare_history(*, params=None):
        """Simulate the history and compute its features."""
        body("bank").prepare_history(params)

    @task(pool="train")
    def load_states(*, params=None):
        """Load the states that the history leaves behind."""
        body("bank").load_states(params)

    @task(pool="train")  # not that of what governs: nobody who approves something waits for a training
    def train_first_model(*, params=None):
        """Train and publish; only if there is no model."""
        return body("bank").train_first_model(params)

    @task(pool="govern", outlets=[FRAUD_MODEL])
    def promote_first_model(version, *, dag_run=None):
        """Make it decide."""
        body("bank").promote_first_model(version, dag_run.triggering_user_name)

    @task(pool="train", execution_timeout=timedelta(hours=2), trigger_rule="none_failed")
    def train_challenger(*, params=None, dag_run=None, triggering_asset_events=None):
        """Measure, train, publish."""
        by, woken_by = dag_run.triggering_user_name, [asset.name for asset in triggering_asset_events or ()]
        return body("adaptation").train_challenger(params, dag_run.run_type, by, woken_by)

    @task(pool="govern", outlets=[CHALLENGERS])
    def enter_challenger(trained, *, dag_run=None):
        """Send it into the shadow, or say why not."""
        return body("adaptation").enter_challenger(trained, dag_run.triggering_user_name)

    history, first, challenger = prepare_history(), train_first_model(), train_challenger()
    history >> [load_states(), first]
    promote_first_model(first) >> challenger
    enter_challenger(challenger)
