"""# change_list

Puts accounts, counterparties, countries or devices on the lists of the blocked and the trusted, or takes them off.
Rules see the lists as columns, valid at the transaction's time: `account_is_blocked`, `counterparty_is_trusted` ….

* One entry: `list` BLOCKED or TRUSTED, `subject` ACCOUNT, COUNTERPARTY, COUNTRY or DEVICE, `value`, `reason`, and,
  if wanted, `valid_from` (now, if empty) and `valid_until`. Several: `entries`, a list of such.
* `kind` END ends what was put on before, at `valid_until` (now, if empty). Nothing is ever deleted.
* It counts from the next batch on. Each batch remembers which changes it saw, so a replay sees the same.
* The author is the user who triggers the run.
"""

from airflow.sdk import DAG, task

from include.assets import LISTS
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="change_list",
    schedule=None,
    catchup=False,
    default_args=CHAIN,
    params={
        "kind": "ADD",
        "list": "BLOCKED",
        "subject": "ACCOUNT",
        "value": "",
        "reason": "",
        "valid_from": "",
        "valid_until": "",
        "entries": [],
        "author": "",
    },
    tags=["rules", "governance"],
    doc_md=__doc__,
):

    @task(pool="govern", outlets=[LISTS])
    def change_list(*, params=None, dag_run=None):
        """Append the change to the list book."""
        from include.orchestration.governance_rules import change_list

        return change_list(params, dag_run)

    change_list()
