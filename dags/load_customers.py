"""# load_customers

Fills the table of customers: where each can be reached, on which channels they agreed to be, in which language,
and when they are not to be disturbed. Routing and messages read it.

* With `file`: a CSV or Parquet file of the bank (columns: `include/alerts/customer_file.py`). Every row that cannot be
  used is named in the log, with its line and what was expected; the others are loaded.
* Without: invented customers for the simulated bank, at addresses nobody receives. One that is there is left alone.
"""

from airflow.sdk import DAG, task

from include.assets import CUSTOMERS, STORES
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="load_customers",
    schedule=STORES,
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN,
    params={"file": ""},
    tags=["upkeep", "alerts"],
    doc_md=__doc__,
):

    @task(pool="upkeep", outlets=[CUSTOMERS])
    def load_customers(*, params=None):
        """Load a file, or invent who is missing."""
        from include.orchestration.bank import load_customers

        load_customers(params)

    load_customers()
