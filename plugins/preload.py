"""Imports that every task needs, done once in the scheduler: its workers are forks and get them free.

Without this each task pays 1.5 to 3 s for them. Only the scheduler has ``TIDEWATCH_PRELOAD`` set;
elsewhere this file does nothing.
"""

from __future__ import annotations

import importlib
import logging
import os

from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)

MODULES = (
    "airflow.providers.apache.spark.hooks.spark_connect",
    "airflow.providers.smtp.hooks.smtp",
    "include.orchestration.tasks",
    "include.detection.scoring",
    "pyarrow.compute",
    "pyspark.sql.connect.session",
    "pyspark.sql.connect.functions",
    "skops.io",
    "sklearn.ensemble",
    "xgboost",
)


class PreloadPlugin(AirflowPlugin):
    """Preloads in the scheduler."""

    name = "preload"

    @classmethod
    def on_load(cls, *args: object, **kwargs: object) -> None:
        """Import the modules; a missing one costs speed, not the scheduler."""
        if os.environ.get("TIDEWATCH_PRELOAD") != "1":
            return
        for module in MODULES:
            try:
                importlib.import_module(module)
            except ImportError as error:
                log.warning("preload: expected to import %s, got: %s; tasks will be slower", module, error)
