"""One Spark Connect session for every run: a new one costs seconds, the same one milliseconds.

A server keeps a session for as long as it is used; after an idle hour, or when the server was
restarted, its id is refused for good and the next generation of ids has to be taken.
"""

from __future__ import annotations

import uuid
from typing import Any

from include.alerts.alert import NAMESPACE
from include.stores.lake.files import Lake

_CURSOR = "cursors/spark-session.json"


def _url(base: str, generation: int) -> str:
    session = uuid.uuid5(NAMESPACE, f"spark-session:{generation}")
    return f"{base.rstrip(';')};session_id={session}"


def connect(base_url: str, lake: Lake) -> Any:
    """The shared session, of the next generation if the server has dropped the last one.

    Parameters
    ----------
    base_url
        Address from the Airflow connection, e.g. ``sc://host:15002/;user_id=tidewatch``.
    lake
        Where the generation is remembered, for every process to use the same.

    Raises
    ------
    pyspark.errors.PySparkException
        When the server cannot be reached.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    known = lake.read_json(_CURSOR) or {"generation": 0}
    for generation in range(known["generation"], known["generation"] + 3):
        spark = SparkSession.builder.remote(_url(base_url, generation)).create()
        try:
            prepare(spark)
        except PySparkException as refused:
            if "SESSION" not in str(refused) and "INVALID_HANDLE" not in str(refused):
                raise
            continue
        if generation != known["generation"]:
            lake.write_json(_CURSOR, {"generation": generation})
        return spark
    raise RuntimeError(
        f"expected the Spark Connect server to take a session, but it refused three ids from generation "
        f"{known['generation']} on; restart the server"
    )


def prepare(spark: Any) -> None:
    """Settings the streaming plan depends on."""
    # Of a key that comes twice the last value counts, as in Python; the validator says the same.
    spark.conf.set("spark.sql.variant.allowDuplicateKeys", "true")


def use_codegen(spark: Any, *, wanted: bool) -> None:
    """Let the queries that start from now on compile their plans, or interpret them.

    Generating and compiling code for a few hundred rows takes longer than interpreting the plan for them.
    """
    factory = "FALLBACK" if wanted else "NO_CODEGEN"
    if spark.conf.get("spark.sql.codegen.factoryMode") != factory:
        spark.conf.set("spark.sql.codegen.factoryMode", factory)
        spark.conf.set("spark.sql.codegen.wholeStage", str(wanted).lower())
