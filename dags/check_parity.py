"""# check_parity

Every night: were the features that live scoring used those that the same code computes from the accepted batches?
It compares what has been scored since the last clean check, and batches that were scored again since.

* A value that differs fails the task, which names the feature, the account and the batch. From then on no
  model takes the place of the current one, until a check is clean.
* What was found is in the lake, `checks/parity.json`. `make parity` is the same check on the command line.
* Trigger it with `{"whole": true}` to go back as far as the lake does.
"""

from datetime import timedelta

from airflow.sdk import DAG, task

from include.assets import PARITY
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="check_parity",
    schedule="41 2 * * *",
    catchup=False,
    max_active_runs=1,
    # A day of the full stream takes a core for a quarter of an hour; the whole lake longer.
    default_args=CHAIN | {"execution_timeout": timedelta(hours=3)},
    params={"whole": False},
    tags=["models", "checks"],
    doc_md=__doc__,
):

    @task(pool="upkeep", outlets=[PARITY])
    def check_parity(*, params=None):
        """Compare features used live with the log."""
        from include.orchestration.checks import check_parity

        return check_parity(params)

    check_parity()
