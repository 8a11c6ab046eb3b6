"""# build_reports

Every night at 00:30 UTC: the report of the day before and, on the first of a month, that of the month before. What is
due is read from what is there: a night that was missed is made up for, up to a week later.

* Volumes, amounts by segment and currency, alerts, dispositions, precision, losses prevented and missed, rules, models,
  drift, deliveries, suppressions; as data, page and PDF: `reports/<kind>/<period>/report.{json,html,pdf}` in the lake.
* Trigger it with `{"kind": "daily", "period": "2026-11-24"}` or `{"kind": "monthly", "period": "2026-11"}` for one,
  again or so far. The same period again replaces its report: labels that have come since change precision and losses.
* A summary is mailed to the variable `report_subscribers`, once a version, of periods that are over.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, task

from include.assets import REPORTS
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="build_reports",
    schedule="30 0 * * *",
    catchup=False,
    max_active_runs=1,
    # A day of the full stream is some 80,000 files.
    default_args=CHAIN | {"execution_timeout": timedelta(hours=2)},
    params={
        "kind": Param("", enum=["", "daily", "monthly"], description="Empty: whatever is due"),
        "period": Param(
            "",
            type="string",
            pattern=r"^([0-9]{4}-[0-9]{2}(-[0-9]{2})?)?$",
            description="A UTC day (2026-11-24) or, monthly, a month (2026-11); empty: what is due",
        ),
    },
    tags=["reports"],
    doc_md=__doc__,
):

    @task(pool="upkeep", outlets=[REPORTS])
    def build_reports(*, params=None, outlet_events=None):
        """Count, draw, store; not while clean-ups delete what is counted."""
        from include.orchestration.reporting import build_reports

        made = build_reports(params)
        outlet_events[REPORTS].extra = {"reports": made}

    # Whatever became of today's: what was made before and not mailed is mailed.
    @task(trigger_rule="all_done")
    def send_reports():
        """Mail summaries of what has not been mailed."""
        from include.orchestration.reporting import send_reports

        return send_reports()

    build_reports() >> send_reports()
