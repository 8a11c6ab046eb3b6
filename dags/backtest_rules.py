"""# backtest_rules

Replays scored batches of the lake through the code that scores live, as of then: lists, rules, thresholds and labels
as they were known. Trigger it with a rule (text, or name of a file in `include/sql/drafts/`) to see what it would have
done in the place of its live version; without one it replays the live set, which has to decide as it did.

* Hits a day, precision and recall by rule and typology, overlap with the live rules, alerts against the budget.
* A page with plots and the figures as data: the lake, `backtests/<id>/`. `make backtest-rules` is the same at hand.
* `from` and `until` bound the transactions' time; `labels_as_of` (now, if empty) says which labels count.
* Fails if the replay decides otherwise than was decided live; the message names the batches.
"""

from datetime import timedelta

from airflow.sdk import DAG, task

from include.assets import RULE_BACKTESTS
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="backtest_rules",
    schedule=None,
    catchup=False,
    default_args=CHAIN | {"execution_timeout": timedelta(hours=3)},
    params={"rule": "", "share": 1.0, "from": "", "until": "", "labels_as_of": ""},
    tags=["rules", "checks"],
    doc_md=__doc__,
):

    @task(pool="train", outlets=[RULE_BACKTESTS])
    def backtest_rules(*, params=None, dag_run=None):
        """Replay, count, write the page."""
        from include.orchestration.governance_rules import run_backtest

        return run_backtest(params, dag_run)

    backtest_rules()
