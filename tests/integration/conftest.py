"""Sessions on the running embedded stack; its ports come from the settings."""

from __future__ import annotations

from typing import Any

import pytest

from include.settings import HOST, settings


@pytest.fixture(scope="session")
def spark() -> Any:
    from pyspark.sql import SparkSession

    address = f"sc://{HOST}:{settings().ports.spark_connect}/;user_id=tests"
    session = SparkSession.builder.remote(address).create()
    session.conf.set("spark.sql.variant.allowDuplicateKeys", "true")
    return session
