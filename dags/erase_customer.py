"""# erase_customer

Erases a customer at their request (GDPR, article 17): `customer_id`, or `account_ids`, and a `reason` (the request's
number; no name). What law keeps stays, and the report says so. How it works: `docs/erasure.md`.

* `plan_erasure` finds the accounts; `approve` asks an approver, who must not be the one who asked.
* `erase` puts random tokens in the place of identifiers in the lake (hashes before and after go into the audit chain
  first, so `make verify-audit` still holds; batches under way are not touched, the chain goes on), and removes
  rows from Cassandra, but for alerts confirmed as fraud and undecided cases.
* `report_erasure` looks whether anything is left, writes `reports/erasure-<request>.html` and `.json`, and forgets the
  plan: from then on nobody can lead a token back.

Each task may be killed and run again. Identifiers stand in this run's parameters until `airflow db clean` takes them.
"""

from airflow.sdk import DAG, task

from include.orchestration.approval import ERASE, REJECT, Approval
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="erase_customer",
    schedule=None,
    catchup=False,
    max_active_runs=1,  # the chain of erasures has one writer
    default_args=CHAIN,
    params={"customer_id": "", "account_ids": [], "reason": "", "requested_by": ""},
    tags=["privacy", "approval"],
    doc_md=__doc__,
):

    @task(pool="govern")
    def plan_erasure(*, params=None, dag_run=None):
        """Find out who is meant."""
        from include.orchestration.erasing import plan_erasure

        return plan_erasure(params, dag_run)

    approve = Approval(
        subject="Erase a customer, request {{ ti.xcom_pull(task_ids='plan_erasure')['request'] }}?",
        body="{{ ti.xcom_pull(task_ids='plan_erasure')['body'] }}",
        options=[ERASE, REJECT],
        days=7,
    )

    @task(pool="govern")
    def start_erasure(planned, answer):
        """Record who approved; end here if nobody did."""
        from include.orchestration.erasing import start_erasure

        return start_erasure(planned["request"], answer)

    @task(pool="upkeep")
    def erase(request):
        """Rewrite the lake's files, remove rows from Cassandra."""
        from include.orchestration.erasing import erase_lake, erase_stores

        return erase_stores(erase_lake(request))

    @task(pool="govern")
    def report_erasure(request):
        """Look for what is left, and report."""
        from include.orchestration.erasing import report_erasure

        report_erasure(request)

    planned = plan_erasure()
    planned >> approve
    report_erasure(erase(start_erasure(planned, approve.output)))
