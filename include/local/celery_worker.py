"""Airflow's Celery worker with the plugins loaded first: the processes it forks find the imports of tasks done."""

from __future__ import annotations

import sys


def main() -> None:
    """Load plugins, ``preload`` among them, and become ``airflow celery worker``."""
    from airflow.__main__ import main as airflow
    from airflow.plugins_manager import ensure_plugins_loaded

    ensure_plugins_loaded()
    sys.argv = ["airflow", "celery", "worker", *sys.argv[1:]]
    airflow()


if __name__ == "__main__":
    main()
