"""Airflow's configuration for the embedded stack, as environment variables.

``LATENCY`` is the part that the speed of the chain depends on; the Dockerfile sets the same values
(``tests/astro`` holds them equal). Reasons and measurements: ``docs/decisions/0004-airflow-latency.md``.
"""

from __future__ import annotations

import json
import os
from urllib.parse import quote

from include.local.certificates import Certificates
from include.local.clients import socket_folder
from include.local.secrets import load_secrets
from include.settings import HOST, PROJECT, Settings

LATENCY = {
    # The scheduler's loop: 1 s by default, and every hop of the chain waits for it.
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
    # A worker slot stays taken until the supervisor's next heartbeat after its task has ended.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    # Enough slots that none of the chain's tasks waits for one; each is a forked process.
    "AIRFLOW__CORE__PARALLELISM": "12",
    # Parsing steals the processor from the chain; the files change when somebody deploys.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    # The per-minute pool, task and executor metrics are not read by anything here.
    "AIRFLOW__METRICS__STATSD_ON": "False",
}

#: Where DAGs come from, unless whoever starts the stack says otherwise: runs have a version of the code, and the
#: scheduler need not look it up for each of them in every loop.
BUNDLES_VARIABLE = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"
BUNDLES = [
    {"name": "dags-folder", "classpath": "include.orchestration.dag_bundle.ProjectBundle", "kwargs": {}},
]


def address(settings: Settings) -> str:
    """Where the Airflow UI is."""
    return f"{'https' if settings.is_secure else 'http'}://{HOST}:{settings.ports.airflow}"


def airflow_environment(settings: Settings) -> dict[str, str]:
    """Every ``AIRFLOW__…`` variable the embedded components need."""
    secrets = load_secrets(settings.stack_dir)
    home = settings.stack_dir / "airflow"
    login, port = f"airflow:{secrets.postgres}", settings.ports.postgres
    database = (
        f"{login}@/postgres?host={quote(str(socket_folder(settings)), safe='')}&port={port}"
        if settings.is_secure
        else f"{login}@{HOST}:{port}/postgres"
    )
    return {
        **LATENCY,
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(PROJECT),
        "TIDEWATCH_DESK_URL": settings.desk_url or f"{address(settings)}/fraud-desk",
        "TIDEWATCH_LINK_KEYS": settings.link_keys.get_secret_value() or secrets.link_key,
        "TIDEWATCH_METRICS_TOKEN": settings.metrics_token.get_secret_value() or secrets.metrics,
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        BUNDLES_VARIABLE: os.environ.get(BUNDLES_VARIABLE, json.dumps(BUNDLES)),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # Events for a paused consumer are not kept; only the simulated bank waits to be switched on.
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor" if settings.is_cluster else "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": secrets.fernet_key,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address(settings)}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,approver:op,analyst:user,viewer:viewer",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{database}",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(settings.ports.airflow),
        "AIRFLOW__API__BASE_URL": address(settings),
        "AIRFLOW__API__WORKERS": "1",
        # /docs and /redoc are open to anybody; so is /openapi.json, for which there is no switch.
        "AIRFLOW__API__ENABLE_SWAGGER_UI": "False",
        "AIRFLOW__API__SECRET_KEY": secrets.api_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.jwt_secret,
        "AIRFLOW__API_AUTH__JWT_ISSUER": "tidewatch",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(settings.ports.airflow_task_logs),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_HOST": HOST,
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(settings.ports.airflow_trigger_logs),
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        # A triggerer that died is noticed after this; the watcher then moves to the next one.
        "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "20",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        **(_tls(settings) if settings.is_secure else {}),
        **(_celery(database) if settings.is_cluster else {}),
    }


def _celery(database: str) -> dict[str, str]:
    """Celery's queue and results in Airflow's own database server; a worker looks for work every second."""
    return {
        "AIRFLOW__CELERY__BROKER_URL": f"sqla+postgresql+psycopg2://{database}",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": LATENCY["AIRFLOW__CORE__PARALLELISM"],
        "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        "AIRFLOW__CELERY__TASK_ACKS_LATE": "True",
        "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "False",
    }


def _tls(settings: Settings) -> dict[str, str]:
    """HTTPS for people and tasks alike; tasks trust what stands in the server's own file, and nothing else."""
    files = Certificates(settings.stack_dir).of("airflow")
    return {
        "AIRFLOW__API__SSL_CERT": str(files.certificate),
        "AIRFLOW__API__SSL_KEY": str(files.key),
        "AIRFLOW__API__CLIENT_USE_PUBLIC_CERTS": "False",
    }
