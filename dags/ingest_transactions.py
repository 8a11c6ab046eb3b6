"""# ingest_transactions

The simulated bank. Switch it on and transactions arrive; switch it off and they stop. Each run sends the next
piece of one reproducible stream (`seed`, `customers`), at `rate` records a second for `seconds`, with some
duplicates, late and malformed records among them.

* The stream begins a week ago and hurries; once it has caught up with the clock it goes at the clock's pace.
* Defaults: the variable `simulated_bank`. Trigger by hand to choose others for one run.
* Real data instead: `python -m include.transactions.importer` sends files (CSV, JSON Lines, Parquet).
"""

from datetime import UTC, datetime

from airflow.sdk import DAG, task

from include.assets import TRANSACTIONS
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="ingest_transactions",
    schedule="@continuous",
    # Without one the first run's interval is empty, the second begins where the first did, and Airflow never makes it.
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=True,
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN,
    tags=["chain", "kafka", "simulation"],
    doc_md=__doc__,
):

    @task(pool="ingest", outlets=[TRANSACTIONS])
    def ingest_transactions(*, params=None):
        """Send the next piece of the stream."""
        from include.orchestration.bank import ingest

        return ingest(params)

    ingest_transactions()
