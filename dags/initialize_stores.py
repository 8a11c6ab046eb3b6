"""# initialize_stores

Makes what the chain stands on, and may be run at any time: again it changes nothing.

* Kafka topics with their settings; one that exists with other settings is refused, with the command that mends it.
* Cassandra's keyspace and tables: the numbered migrations of `include/sql/cassandra/` that are not applied yet.
* Two records, a sound one and a broken one, go from a topic of their own through Spark into the lake: does it work?
* The rules of `include/sql/rules/` are loaded once, so that a mistake shows here, with file and line, and fill the
  rule book if it is empty. Later changes of these files are named in the log; `change_rule` brings them live.
"""

from airflow.sdk import DAG, task

from include.assets import STORES
from include.orchestration.retries import CHAIN

with DAG(
    dag_id="initialize_stores",
    schedule="@once",
    catchup=False,
    max_active_runs=1,
    default_args=CHAIN,
    tags=["upkeep", "kafka", "cassandra"],
    doc_md=__doc__,
):

    @task(pool="upkeep")
    def create_topics():
        """Create the topics that are missing."""
        from include.orchestration.upkeep import create_topics

        create_topics()

    @task(pool="upkeep")
    def migrate_cassandra():
        """Apply the migrations that are not applied yet."""
        from include.orchestration.upkeep import migrate_cassandra

        migrate_cassandra()

    @task(pool="upkeep")
    def check_stream():
        """Send two records through the streaming job, which has it compiled before the first batch."""
        from include.orchestration.upkeep import check_stream

        check_stream()

    @task(pool="govern", outlets=[STORES])
    def check_rules():
        """Load every rule once, fill an empty rule book."""
        from include.orchestration.upkeep import check_rules

        check_rules()

    [create_topics(), migrate_cassandra()] >> check_stream() >> check_rules()
