"""# score_shadow

Challengers, and a champion's predecessor, score in the shadow what has been scored live: recorded, never acted on.

* `score_in_shadow`: reads the features live scoring used, so all models judge the same transactions.
* `judge_challengers`: once enough frauds are labelled, compares each with the champion under the same alert budget.
  One that is worse is rejected; one that is not waits for `approve_model`. A champion that is worse than its
  predecessor is demoted, at once and by itself; the model owner is told.
"""

from datetime import timedelta

from airflow.sdk import DAG, task

from include.assets import CHALLENGER_EVIDENCE
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="score_shadow",
    schedule=timedelta(minutes=10),
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN,
    tags=["models"],
    doc_md=__doc__,
):

    @task(pool="watch")
    def score_in_shadow():
        """Score what is due."""
        from include.orchestration.adaptation import score_shadow

        return score_shadow()

    @task(pool="govern", outlets=[CHALLENGER_EVIDENCE])
    def judge_challengers(*, outlet_events=None):
        """Compare with the champion."""
        from include.orchestration.adaptation import judge_challengers

        outlet_events[CHALLENGER_EVIDENCE].extra = judge_challengers()

    score_in_shadow() >> judge_challengers()
