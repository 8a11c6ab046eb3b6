"""# measure_quality

How good are rules and models? Every ten minutes it takes up what has been scored and labelled since: hits, alerts,
confirmed frauds, false alarms, by rule, model and day of the transaction. The newest verdict on a transaction counts,
however late it comes. Rules in the shadow are followed too.

* The lake: `quality/days/<day>.json`, `quality/shadow/<rule>.json`. The desk's page *Rules* and the reports read them.
* Broken off and done again, nothing is counted twice.
"""

from datetime import timedelta

from airflow.sdk import DAG, task

from include.assets import QUALITY
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="measure_quality",
    schedule=timedelta(minutes=10),
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN | {"execution_timeout": timedelta(hours=1)},
    tags=["rules", "models"],
    doc_md=__doc__,
):

    @task(pool="watch", outlets=[QUALITY])
    def measure_quality():
        """Count what is new."""
        from include.orchestration.quality import measure_quality

        return measure_quality()

    measure_quality()
