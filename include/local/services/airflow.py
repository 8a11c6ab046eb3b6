"""Airflow's four components, each a process of its own.

``airflow standalone`` would leave its children behind on SIGTERM.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

from include.local.airflow_environment import address, airflow_environment
from include.local.clients import http_context
from include.local.secrets import load_secrets
from include.local.services.base import Service


class AirflowComponent(Service):
    """A component of Airflow."""

    needs: tuple[str, ...] = ("postgres",)
    start_seconds = 300  # four Python processes on a machine that may have other things to do
    subcommand: tuple[str, ...]

    def prepare(self) -> None:
        """Write the generated passwords where the auth manager reads them."""
        super().prepare()
        write_passwords(self.settings.stack_dir)

    def command(self) -> list[str]:  # noqa: D102
        return [str(Path(sys.executable).parent / "airflow"), *self.subcommand]

    def environment(self) -> dict[str, str]:  # noqa: D102
        return airflow_environment(self.settings)

    def health(self) -> dict[str, str]:
        """Status of each component as the API server reports it; empty while it does not answer."""
        try:
            health = f"{address(self.settings)}/api/v2/monitor/health"
            context = http_context(self.settings)
            with urllib.request.urlopen(health, timeout=3, context=context) as answer:  # noqa: S310 - our own address
                report = json.load(answer)
        except (OSError, ValueError):
            return {}
        return {name: part.get("status") or "" for name, part in report.items()}

    def is_up(self) -> bool:
        """Whether the API server has heard of it lately."""
        return self.health().get(self.name.replace("-", "_")) == "healthy"


def write_passwords(stack_dir: Path) -> None:
    """Passwords of the simple auth manager's users, generated once an installation."""
    secrets = load_secrets(stack_dir)
    path = stack_dir / "airflow" / "passwords.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    users = {name: getattr(secrets, name) for name in ("admin", "approver", "analyst", "viewer")}
    path.write_text(json.dumps(users))


class ApiServer(AirflowComponent):
    """The UI, the REST API and the API that tasks speak to."""

    name = "api-server"
    subcommand = ("api-server",)

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {"airflow": self.settings.ports.airflow}

    def is_up(self) -> bool:
        """Whether it answers health requests."""
        return bool(self.health())


class Scheduler(AirflowComponent):
    """Starts runs and, by the local executor, tasks; in a cluster the tasks go to a Celery worker."""

    name = "scheduler"
    subcommand = ("scheduler",)
    stop_seconds = 20

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return (
            {} if self.settings.is_cluster else {"airflow_task_logs": self.settings.ports.airflow_task_logs}
        )

    def environment(self) -> dict[str, str]:
        """Who starts tasks preloads: they are forks and find the imports done."""
        return {**super().environment(), **({} if self.settings.is_cluster else {"TIDEWATCH_PRELOAD": "1"})}


class Triggerer(AirflowComponent):
    """Runs the Kafka watcher."""

    name = "triggerer"
    subcommand = ("triggerer",)

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {"airflow_trigger_logs": self.settings.ports.airflow_trigger_logs}


class DagProcessor(AirflowComponent):
    """Parses the DAG files."""

    name = "dag-processor"
    subcommand = ("dag-processor",)


class CeleryWorker(AirflowComponent):
    """Runs the tasks of a cluster. Its queue is in PostgreSQL, by Celery's SQL transport: no further server."""

    name = "celery-worker"
    stop_seconds = 30

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {"airflow_task_logs": self.settings.ports.airflow_task_logs}

    def command(self) -> list[str]:  # noqa: D102
        return [
            sys.executable,
            "-m",
            "include.local.celery_worker",
            "--celery-hostname",
            "tidewatch@localhost",
        ]

    def environment(self) -> dict[str, str]:  # noqa: D102
        # A stack may be root's; Celery refuses that unless it is told.
        return {**super().environment(), "TIDEWATCH_PRELOAD": "1", "C_FORCE_ROOT": "1"}

    def is_up(self) -> bool:
        """Whether it serves its tasks' logs."""
        return Service.is_up(self)
