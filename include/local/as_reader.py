"""Becomes a command that reads the embedded stores: ``-m include.local.as_reader python -m include.auditing.verify``.

The command gets the reader's account by its environment, where other users of the machine cannot see it.
"""

from __future__ import annotations

import json
import os
import sys

from include.local.clients import authority, cassandra_password, kafka_client, spark_url
from include.settings import Settings, settings
from include.transactions.offsets import OPTIONS_VARIABLE


def reader_environment(settings: Settings) -> dict[str, str]:
    """Variables that let a command into Kafka, Cassandra and Spark; in the open profile there is nothing to say."""
    if not settings.is_secure:
        return {}
    kafka = kafka_client(settings, "reader")
    del kafka["bootstrap.servers"]  # an argument of the commands
    return {
        OPTIONS_VARIABLE: json.dumps(kafka),
        "TIDEWATCH_CASSANDRA_USERNAME": "reader",
        "TIDEWATCH_CASSANDRA_PASSWORD": cassandra_password(settings, "reader"),
        "TIDEWATCH_CASSANDRA_CA_FILE": authority(settings),
        "SPARK_REMOTE": spark_url(settings),
    }


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("expected a command to run: python -m include.local.as_reader COMMAND [ARGUMENT …]")
    os.execvpe(sys.argv[1], sys.argv[1:], os.environ | reader_environment(settings()))  # noqa: S606 - its very point
