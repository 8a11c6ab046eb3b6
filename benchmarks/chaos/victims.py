"""Finds the processes of a stack that a fault is for, and does to them what the fault says."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import psutil
import psycopg2

from include.local.airflow_environment import airflow_environment
from include.local.errors import RunFailed
from include.local.supervision import Supervision
from include.settings import Settings

_RUNNING = """
    SELECT ti.id::text, ti.pid, ti.dag_id || '.' || ti.task_id, ti.run_id FROM task_instance ti
    WHERE ti.state = 'running' AND ti.pid IS NOT NULL AND ti.dag_id = %s
"""
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 90.0

Found = TypeVar("Found")


class NoVictim(RunFailed):
    """There was nobody to do it to in good time."""


class Victims:
    """The processes of one stack."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._supervision = Supervision(settings)
        url = airflow_environment(settings)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        self._database = url.replace("postgresql+psycopg2", "postgresql")
        self._connection: Any = None

    def kill_server(self, name: str) -> None:
        """SIGKILL to the server's main process, as from the kernel when memory is short; its children stay."""
        process = self._wait(f"a process of {name}", lambda: self._main(name))
        process.kill()

    def pause_server(self, name: str, seconds: float) -> None:
        """SIGSTOP to every process of a server, and SIGCONT after some seconds."""
        self._wait(f"a process of {name}", lambda: self._main(name))
        paused = self._supervision.marked(name)
        try:
            _signal(paused, signal.SIGSTOP)
            time.sleep(seconds)
        finally:
            _signal(paused, signal.SIGCONT)

    def kill_python_workers(self) -> None:
        """SIGKILL to every Python worker of the Spark server; waits until there are some."""

        def workers() -> list[psutil.Process]:
            return [one for one in self._supervision.marked("spark") if "pyspark.daemon" in _command(one)]

        _signal(self._wait("a Python worker of Spark", workers), signal.SIGKILL)

    def kill_task(
        self, dag_id: str, delay_seconds: float, run_id: str | None = None
    ) -> tuple[str, str] | None:
        """SIGKILL to a running task of a DAG, some time after it has been seen to run.

        Returns
        -------
        tuple or None
            ``dag.task`` and its run; None if it ended before the signal.
        """
        identity, pid, name, of_run = self._wait(
            f"a running task of {dag_id}", lambda: self._task(dag_id, run_id)
        )
        time.sleep(delay_seconds)
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if identity in _command(process):  # a number may belong to somebody else by now
                process.kill()
                return str(name), str(of_run)
        return None

    def wait_for_task(self, dag_id: str) -> None:
        """Wait until a task of a DAG is seen to run."""
        self._wait(f"a running task of {dag_id}", lambda: self._task(dag_id, None))

    def kill_everything(self) -> int:
        """SIGKILL to every process of the stack, its supervisor first; returns how many there were."""
        count = 0
        end = time.monotonic() + _PATIENCE_SECONDS
        while found := self._supervision.marked():
            # The supervisor would start again what it sees dying.
            found.sort(key=lambda one: "supervisord" not in _command(one))
            _signal(found, signal.SIGKILL)
            count += len(found)
            psutil.wait_procs(found, timeout=5)
            if time.monotonic() > end:
                raise RunFailed(f"waited {_PATIENCE_SECONDS:.0f} s for killed processes to be gone: {found}")
        self._connection = None
        return count

    def _main(self, name: str) -> psutil.Process | None:
        state = self._supervision.states().get(name, {})
        if state.get("statename") != "RUNNING":
            return None
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(int(state["pid"]))
        return None

    def _task(self, dag_id: str, run_id: str | None) -> Sequence[Any] | None:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg2.connect(self._database, connect_timeout=5)
                self._connection.autocommit = True
            with self._connection.cursor() as cursor:
                cursor.execute(_RUNNING, (dag_id,))
                rows = [row for row in cursor.fetchall() if run_id in (None, row[3])]
        except psycopg2.Error:  # the database may be a victim of the fault before
            self._connection = None
            time.sleep(0.5)
            return None
        return rows[0] if rows else None

    @staticmethod
    def _wait(what: str, find: Callable[[], Found | None]) -> Found:
        end = time.monotonic() + _PATIENCE_SECONDS
        while not (found := find()):
            if time.monotonic() > end:
                raise NoVictim(f"waited {_PATIENCE_SECONDS:.0f} s for {what}, in vain")
            time.sleep(_POLL_SECONDS)
        return found


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)
