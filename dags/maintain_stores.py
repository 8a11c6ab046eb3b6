"""# maintain_stores

Keeps everything in bounds, every hour. How long things live, place by place: `make retention`, which reads the
variable `retention_days` (defaults: `include/privacy/retention.py`) and the tables' time-to-live.

* `clean_lake`: arrivals that are settled, the files of old batches, old back-tests, notices, reports, and models
  that never decided.
* `prune_versions`: states and running totals that newer batches have superseded.
* `clean_airflow_metadata`: old runs, events and logs. At a batch a second Airflow makes some 80,000 runs a day and DAG.
"""

from airflow.sdk import DAG, task

from include.orchestration.retries import CHAIN

with DAG(
    dag_id="maintain_stores",
    schedule="17 * * * *",
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN,
    tags=["upkeep", "retention"],
    doc_md=__doc__,
):

    @task(pool="upkeep")
    def clean_lake():
        """Delete settled arrivals and old batches."""
        from include.orchestration.upkeep import clean_lake

        clean_lake()

    @task(pool="upkeep")
    def prune_versions():
        """Drop superseded versions."""
        from include.orchestration.upkeep import prune_versions

        prune_versions()

    @task(pool="upkeep")
    def clean_airflow_metadata():
        """Run `airflow db clean`."""
        from include.orchestration.upkeep import clean_airflow_metadata

        clean_airflow_metadata()

    @task(pool="upkeep")
    def clean_airflow_logs():
        """Delete old log files."""
        from include.orchestration.upkeep import clean_airflow_logs

        clean_airflow_logs()

    clean_lake()
    prune_versions()
    clean_airflow_metadata()
    clean_airflow_logs()
