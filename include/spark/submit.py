r"""The streaming job under plain ``spark-submit``, against any master: one ``availableNow`` run, then done.

::

    spark-submit --master spark://… --packages org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0 \
        include/spark/submit.py --kafka broker:9092 --cassandra node1,node2 [--cassandra-port 9042]

What is secret comes by the environment: ``TIDEWATCH_KAFKA_OPTIONS`` (a JSON object of librdkafka settings, as
``sasl.password``), ``TIDEWATCH_CASSANDRA_USERNAME`` and ``TIDEWATCH_CASSANDRA_PASSWORD``; and, with them,
``TIDEWATCH_CASSANDRA_CA_FILE``.

It is the job that ``process_transactions`` runs through Spark Connect, with the same cursor, so the two can
take turns but must not run at the same time. Topics, keyspace and lake are settings (``TIDEWATCH_…``). Prints
one JSON line with the numbers of the batches it made.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job; returns the exit code.

    Raises
    ------
    Exception
        What Spark, Kafka or Cassandra raise. Nothing is lost: the next run goes on from the cursor.
    """
    parser = argparse.ArgumentParser(prog="spark-submit include/spark/submit.py", description=__doc__)
    parser.add_argument("--kafka", required=True, help="bootstrap servers, host:port[,host:port…]")
    parser.add_argument(
        "--kafka-option", action="append", default=[], metavar="NAME=VALUE", help="as librdkafka names it"
    )
    parser.add_argument("--cassandra", required=True, help="contact points, host[,host…]")
    parser.add_argument("--cassandra-port", type=int, default=9042)
    options = parser.parse_args(arguments)
    wrong = [option for option in options.kafka_option if "=" not in option]
    if wrong:
        parser.error(f"expected --kafka-option NAME=VALUE, got {wrong[0]!r}")
    for name in (
        "SPARK_CONNECT_MODE_ENABLED",
        "SPARK_REMOTE",
    ):  # left by a parent that has used Spark Connect
        os.environ.pop(name, None)

    from pyspark.sql import SparkSession

    from include.settings import settings
    from include.spark.process_batch import ProcessJob
    from include.spark.session import prepare
    from include.stores.cassandra.address import address_of_environment
    from include.stores.cassandra.seen import CassandraSeenStore
    from include.stores.lake.files import Lake
    from include.transactions.dead_letters import KafkaDeadLetters
    from include.transactions.offsets import client_settings

    kafka = dict(option.split("=", 1) for option in options.kafka_option) | client_settings(options.kafka)
    now = settings()
    address = address_of_environment(options.cassandra.split(","), options.cassandra_port, now.keyspace)
    session = address.connect()
    spark = SparkSession.builder.appName("process_transactions").getOrCreate()
    try:
        prepare(spark)
        seen = CassandraSeenStore(session)
        dead_letters = KafkaDeadLetters(kafka, now.topics.dead_letter, now.topics.transactions)
        job = ProcessJob(spark, kafka, Lake(now.lake), lambda: seen, dead_letters, now)
        print(json.dumps({"batches": job.run()}), flush=True)
    finally:
        spark.stop()
        session.cluster.shutdown()
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(PROJECT))  # spark-submit puts this file's folder there, not the project
    sys.exit(main())
