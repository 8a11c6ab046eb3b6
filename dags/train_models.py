"""# train_models

Trains the detectors (gradient boosting, Isolation Forest, One-Class SVM) on the history of the simulated bank and
makes the result the current model, from the next batch on.

* `prepare_history`: simulates the days before the stream, computes their features by the code that scores live.
* `load_states`: puts what that history leaves behind (windows of each account and counterparty) into Cassandra.
* `train_model`: fits, calibrates, finds the thresholds of the alert budget, publishes, promotes.

Starts when the stores have been made, and then only if there is no model yet; by hand it always trains. The
first model is always promoted, every other only if the last `check_parity` was clean; if not, it is not even trained.
"""

from airflow.sdk import DAG, task

from include.assets import FRAUD_MODEL, STORES
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="train_models",
    schedule=[STORES],
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

    @task(pool="train", outlets=[FRAUD_MODEL])
    def train_model(*, params=None, dag_run=None):
        """Train, publish, promote."""
        from include.orchestration.bank import train_first_model

        return train_first_model(params, only_if_missing=dag_run.run_type != "manual")

    prepare_history() >> [load_states(), train_model()]
