"""# sweep_batches

The safety net: every 30 seconds it looks for work that nobody does (transactions without a run, batches whose
wake-up was lost or whose run failed for good) and wakes the DAG that is to do it. It also sends what is due
in the outbox: retries, and what a killed task had claimed; and it escalates alerts that nobody took in time.
`watch_flow` raises an incident for whatever has stood still for a minute, with the cause, and clears it; the fraud
desk and the triggerer do the same, for when no task runs.
"""

from datetime import timedelta

from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException

from include.assets import SCORED_BATCHES, TRANSACTION_BATCHES
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="sweep_batches",
    schedule=timedelta(seconds=30),
    catchup=False,
    max_active_runs=1,
    # Once more, for what a killed scheduler takes with it; the rest is for the next sweep.
    default_args=CHAIN | {"retries": 1},
    tags=["chain", "safety net"],
    doc_md=__doc__,
):

    @task(outlets=[TRANSACTION_BATCHES, SCORED_BATCHES])
    def wake_stranded(*, outlet_events=None, ti=None):
        """Wake the stages that have work and no run that does it."""
        from include.orchestration.tasks import stranded
        from include.stores.lake.ledger import Stage

        runs = ti.get_dr_count
        unscored = stranded(Stage.SCORED, runs)
        unfinished = sorted({*stranded(Stage.ALERTED, runs), *stranded(Stage.STORED, runs)})
        if not unscored and not unfinished:
            raise AirflowSkipException("nothing is stranded")  # a success would be an event of both assets
        outlet_events[TRANSACTION_BATCHES].add_partitions(unscored)
        outlet_events[SCORED_BATCHES].add_partitions(unfinished)

    @task(pool="sweep")
    def deliver_due_alerts():
        """Send what is due in the outbox."""
        from include.orchestration.alerting import deliver

        deliver()

    @task(pool="sweep")
    def sweep_cases():
        """Escalate alerts nobody took in time, wake what was snoozed, finish what was left half done."""
        from include.orchestration.alerting import sweep_cases

        sweep_cases()

    @task(pool="sweep")
    def watch_flow():
        """Raise and clear incidents of what stands still."""
        from include.orchestration.flow_watch import watch_flow

        watch_flow()

    wake_stranded()
    watch_flow()
    sweep_cases()
    deliver_due_alerts()
