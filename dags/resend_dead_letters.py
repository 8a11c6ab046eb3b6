"""# resend_dead_letters

Sends refused records to `transactions` again, corrected, each at most once. The desk's page *Dead letters* does it
one by one; this is for many.

* `places`: `["0:17", "2:5"]`, partition and offset in `transactions.dead-letter`; or `reason`: a part of the reason
  they were refused for, then the newest `limit` (10,000 at most).
* `corrections`, applied to each: `[{"do": "rename", "field": "ccy", "to": "currency"}, {"do": "set", "field":
  "country", "value": "DE"}, {"do": "drop", "field": "noise"}]`.
* What would be refused again is not sent; the log says why. Each one sent is on record in the audit chain `desk`.
* Doing it again sends nothing twice: who has sent what stands in Cassandra (`dead_letters_resent`).
"""

from airflow.sdk import DAG, task

from include.assets import TRANSACTIONS
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="resend_dead_letters",
    schedule=None,
    catchup=False,
    default_args=CHAIN,
    params={"places": [], "reason": "", "limit": 1000, "corrections": [], "author": ""},
    tags=["kafka", "upkeep"],
    doc_md=__doc__,
):

    @task(outlets=[TRANSACTIONS])
    def resend_dead_letters(*, params=None, dag_run=None):
        """Correct, check, send."""
        from include.orchestration.dead_letters import resend

        return resend(params, dag_run)

    resend_dead_letters()
