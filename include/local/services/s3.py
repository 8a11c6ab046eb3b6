"""Spark's settings for a lake on S3."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from include.stores.lake.s3 import S3Address


def s3_configuration(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Settings of Spark for a lake on S3; credentials are in none of them, Spark finds them as the tasks do.

    Parameters
    ----------
    environment
        With the variables that say where the store is, see ``S3Address``.
    folder
        For what is being written.
    """
    address = S3Address.of(environment)
    where = {
        "endpoint": address.endpoint,
        "endpoint.region": address.region,
        "path.style.access": "true" if address.endpoint else None,
    }
    hadoop = {
        **{key: value for key, value in where.items() if value},
        "aws.credentials.provider": "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider",
        # The default reads ahead with a library that wants more jars.
        "input.stream.type": "classic",
        "buffer.dir": str(folder / "s3"),
        # Tries of Hadoop and of the SDK below it multiply: by default hours for a store that hangs. Three in all, as
        # the tasks have them; the next run of the job tries again.
        "connection.timeout": "20s",
        "attempts.maximum": "1",
        "retry.limit": "2",
    }
    return {
        **{f"spark.hadoop.fs.s3a.{key}": value for key, value in hadoop.items()},
        # There is no renaming on S3. This manager uploads a file of the checkpoint under its name, when it is whole.
        "spark.sql.streaming.checkpointFileManagerClass": (
            "org.apache.spark.internal.io.cloud.AbortableStreamBasedCheckpointFileManager"
        ),
    }
