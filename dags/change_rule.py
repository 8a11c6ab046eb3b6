"""# change_rule

The life of a rule: draft → back-test → shadow → approval by somebody other than its author → live, or retired.
Trigger it with the rule: its whole text, or the name of a file in `include/sql/drafts/` or `include/sql/rules/`.

* The author is the user who triggers the run. Whoever answers `approve` has to be somebody else.
* In the shadow the rule's hits are counted for `shadow_batches` batches, and nothing else; 0: no waiting.
* Live means from the next batch on, without a restart, for `share` of the accounts. Not approved, or not answered
  within a week: the shadow ends, and that was it. Every step is in the lake, `rules/life/<rule>/`, and audited.
"""

from datetime import timedelta
from importlib import import_module

from airflow.sdk import DAG, task

from include.assets import RULES
from include.orchestration.approval import APPROVE, REJECT, Approval
from include.orchestration.retries import CHAIN


def steps():
    """Bodies of the tasks, imported when one runs."""
    return import_module("include.orchestration.governance_rules")


with DAG(
    dag_id="change_rule",
    schedule=None,
    default_args=CHAIN | {"execution_timeout": timedelta(hours=1)},
    params={"rule": "", "kind": "change", "share": 1.0, "shadow_batches": 20, "author": ""},
    tags=["rules", "governance"],
    doc_md=__doc__,
):

    @task(pool="govern")
    def check_draft(*, params=None, dag_run=None):
        """Check the text and begin the change."""
        return steps().check_draft(params, dag_run)

    @task(pool="train")
    def backtest(rule_id, *, params=None, dag_run=None):
        """Replay the lake with the draft in place."""
        return steps().backtest_draft(rule_id, params, dag_run)

    @task(pool="govern")
    def start_shadow(rule_id, evidence, *, dag_run=None):
        """Count its hits from the next batch on."""
        steps().start_shadow(rule_id, evidence, dag_run)

    @task.sensor(mode="reschedule", poke_interval=10, timeout=timedelta(days=7))
    def wait_for_shadow(rule_id, *, params=None, dag_run=None):
        """Wait until enough batches have seen it."""
        return steps().shadow_is_over(rule_id, params, dag_run)

    @task
    def judge_shadow(rule_id, evidence, *, dag_run=None):
        """Put the evidence together."""
        return steps().judge_shadow(rule_id, evidence, dag_run)

    @task(pool="govern", outlets=[RULES])
    def go_live(rule_id, answer, *, dag_run=None):
        """Refuse the author; else do as was answered."""
        steps().decide(rule_id, answer, dag_run)

    tested = backtest(rule := check_draft())
    judged = judge_shadow(rule, tested)
    start_shadow(rule, tested) >> wait_for_shadow(rule) >> judged
    approve = Approval(subject="May this change go live?", body=judged, options=[APPROVE, REJECT], days=7)
    go_live(rule, approve.output)
