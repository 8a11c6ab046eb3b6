"""Supervisor (supervisord) as the parent of every server: starts, restarts after a crash, stops groups.

What a killed supervisor left behind is found again by its marks, see ``processes``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xmlrpc.client
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from include.local.errors import ServiceFailed
from include.local.processes import STACK_MARK, end, marked
from include.local.services import all_services
from include.settings import Settings


def stack_environment(settings: Settings) -> dict[str, str]:
    """The caller's environment plus every setting, so that children see what the caller saw."""
    chosen = {
        STACK_MARK: str(settings.stack_dir),
        "TIDEWATCH_STACK_DIR": str(settings.stack_dir),
        "TIDEWATCH_LAKE_URI": settings.lake,
        "TIDEWATCH_PROFILE": settings.profile,
        "TIDEWATCH_TOPOLOGY": settings.topology,
    }
    for name, port in settings.ports:
        chosen[f"TIDEWATCH_PORTS__{name.upper()}"] = str(port)
    paths = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))
    return os.environ | chosen | {"PYTHONPATH": paths}


class Supervision:
    """The supervisor of one stack."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.stack_dir / "supervisor"
        self._socket = self._folder / "control.sock"
        self.logs = settings.stack_dir / "logs"

    def _configuration(self) -> str:
        lines = [
            "[unix_http_server]",
            f"file={self._short_socket()}",
            "[supervisord]",
            f"logfile={self.logs}/supervisor.log",
            f"pidfile={self._folder}/supervisord.pid",
            f"childlogdir={self.logs}",
            "nocleanup=true",
            # What servers, and all they start, write: data, logs and pictures of memory.
            *(["umask=077"] if self._settings.is_secure else []),
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        ]
        for service in all_services(self._settings).values():
            lines += [
                f"[program:{service.name}]",
                f"command={sys.executable} -m include.local.launch {service.name}",
                "autostart=false",
                "autorestart=true",
                "startsecs=2",
                "startretries=10",
                f"stopwaitsecs={service.stop_seconds:.0f}",
                # The whole group goes: Airflow's and Spark's children too.
                "stopasgroup=true",
                "killasgroup=true",
                "redirect_stderr=true",
                f"stdout_logfile={self.logs}/{service.name}.log",
                "stdout_logfile_maxbytes=20MB",
                "stdout_logfile_backups=2",
            ]
        return "\n".join(lines) + "\n"

    def _short_socket(self) -> str:
        # A Unix socket's path may have 107 bytes; deep checkouts have more.
        return os.path.relpath(self._socket, Path.cwd()) if len(str(self._socket)) > 90 else str(self._socket)

    def _proxy(self) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self._short_socket()}")
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def is_running(self) -> bool:
        """Whether the supervisor answers."""
        try:
            return bool(self._proxy().getState())
        except (OSError, xmlrpc.client.Error):
            return False

    def start(self) -> None:
        """Start the supervisor, with no server yet.

        Raises
        ------
        ServiceFailed
            When it does not answer within 15 s.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        (self._folder / "supervisord.conf").write_text(self._configuration())
        subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._folder / "supervisord.conf")],
            env=stack_environment(self._settings), check=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        patience = time.monotonic() + 15
        while not self.is_running():
            if time.monotonic() > patience:
                raise ServiceFailed(
                    f"waited 15 s for the supervisor to answer; see {self.logs}/supervisor.log"
                )
            time.sleep(0.1)

    def start_service(self, name: str) -> None:
        """Start a server; one that runs already is left alone."""
        from supervisor.xmlrpc import Faults

        try:
            self._proxy().startProcess(name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != Faults.ALREADY_STARTED:
                raise ServiceFailed(f"expected to start {name}, got: {fault.faultString}") from fault

    def states(self) -> dict[str, dict[str, Any]]:
        """State of each server as supervisord has it: ``statename``, ``pid``, ``start`` and more."""
        if not self.is_running():
            return {}
        return {entry["name"]: entry for entry in self._proxy().getAllProcessInfo()}

    def stop_service(self, name: str) -> None:
        """Stop one server and its children."""
        with suppress(xmlrpc.client.Fault):
            self._proxy().stopProcess(name, True)

    def stop(self) -> int:
        """Stop every server, then the supervisor, then whatever bears this stack's mark.

        Returns
        -------
        int
            How many processes had to be found by their mark.
        """
        if self.is_running():
            for name in reversed(list(all_services(self._settings))):
                self.stop_service(name)
            with suppress(OSError, xmlrpc.client.Error):
                self._proxy().shutdown()
            patience = time.monotonic() + 20
            # It stops answering before it has ended.
            while (self.is_running() or self.marked()) and time.monotonic() < patience:
                time.sleep(0.1)
        left = self.marked()
        end(left)
        return len(left)

    def marked(self, service: str | None = None) -> list[psutil.Process]:
        """Processes of this stack, or of one of its services."""
        return marked(self._settings.stack_dir, service)
