"""What every task needs, imported and loaded once in the scheduler: its workers are forks and get it free.

Without this each task pays 1.5 to 3 s for the imports, and half a second for checking the rules. Only the
scheduler has ``TIDEWATCH_PRELOAD`` set; elsewhere this file does nothing.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import warnings

from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)

MODULES = (
    "airflow.dag_processing.dagbag",
    "airflow.dag_processing.importers.python_importer",
    "airflow.sdk.definitions.decorators",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.apache.kafka.hooks.base",
    "airflow.providers.apache.cassandra.hooks.cassandra",
    "jinja2.ext",
    "pyarrow.acero",
    "pyarrow.dataset",
    "include.assets",
    "include.orchestration.bank",
    "include.orchestration.operators",
    "include.orchestration.retries",
    "include.orchestration.upkeep",
    "airflow.providers.apache.spark.hooks.spark_connect",
    "airflow.providers.smtp.hooks.smtp",
    "include.orchestration.tasks",
    "include.orchestration.alerting",
    "include.alerts.channels.slack",
    "include.alerts.channels.twilio",
    "include.alerts.channels.webhook",
    "twilio.rest.api.v2010",  # which twilio imports at the first message
    "include.spark.session",
    "grpc._channel",
    "include.detection.scoring",
    "confluent_kafka.admin",
    "pyarrow.compute",
    "pyarrow.parquet",
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
        # Every task looks for plugins anew; what it is a fork of has done this.
        os.environ["TIDEWATCH_PRELOAD"] = "done"
        for module in MODULES:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # skops asks every module for what it has, old names too
                    importlib.import_module(module)
            except ImportError as error:
                log.warning("preload: expected to import %s, got: %s; tasks will be slower", module, error)
        from include.orchestration import alerting, tasks

        for warm_up in (tasks.warm_up, alerting.warm_up):
            try:
                warm_up()
            except Exception as error:  # the task that needs it fails with it, and says so
                log.warning("preload: expected sound rules, a model and routing, got: %s", error)
        # What stands now stays: a collection in a fork would touch all of it, and so copy every page of it.
        gc.collect()
        gc.freeze()
