"""# approve_model

A challenger that stood its time in the shadow is put before a person: the evidence is on the approval page (Required
Actions), who answered is on record. Nobody answers within three days: not promoted.

* *Promote*: it decides from the next batch on.
* *Promote for a share of the accounts first*: the same accounts every time; then it is compared again and asked about
  again.
* *Reject*.
"""

from airflow.sdk import DAG, task

from include.assets import CHALLENGER_EVIDENCE, CHALLENGERS, FRAUD_MODEL
from include.orchestration.approval import PROMOTE, PROMOTE_SHARE, REJECT, Approval
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="approve_model",
    schedule=(CHALLENGER_EVIDENCE | CHALLENGERS),
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN,
    tags=["models", "approval"],
    doc_md=__doc__,
):

    @task(pool="govern")
    def gather_evidence():
        """Find who waits, and what is known of it."""
        from include.orchestration.adaptation import gather_evidence

        return gather_evidence()

    approve = Approval(
        subject="Promote {{ ti.xcom_pull(task_ids='gather_evidence')['version'] }}?",
        body="{{ ti.xcom_pull(task_ids='gather_evidence')['body'] }}",
        options=[PROMOTE, PROMOTE_SHARE, REJECT],
        days=3,
    )

    @task(pool="govern", outlets=[FRAUD_MODEL])
    def promote_model(evidence, answer):
        """Do what was chosen."""
        from include.orchestration.adaptation import settle

        settle(evidence["version"], answer)

    evidence = gather_evidence()
    evidence >> approve
    promote_model(evidence, approve.output)
