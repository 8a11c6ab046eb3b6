"""Brings the embedded stack up and down, and says how it is."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from include.local.airflow_environment import airflow_environment
from include.local.certificates import Certificates
from include.local.errors import ServiceFailed, SetupError
from include.local.launch import wait_for
from include.local.preflight import check_all
from include.local.services import all_services
from include.local.services.airflow import AirflowComponent
from include.local.supervision import Supervision, stack_environment
from include.settings import Settings

Say = Callable[[str], None]


def up(settings: Settings, only: Sequence[str] | None = None, say: Say = print) -> None:
    """Start the stack, or the named services of it, and wait until all of it answers.

    Raises
    ------
    SetupError
        When the machine lacks something; nothing has been started then.
    ServiceFailed
        When a server did not come up in its time; the end of its log is in the message.
    """
    supervision = Supervision(settings)
    if not supervision.is_running():
        for process in supervision.marked():
            raise ServiceFailed(
                f"expected no process of this stack without its supervisor, found {process.pid} "
                f"({process.name()}); run `make down` first"
            )
        check_all(settings)
        check_profile(settings)
        if settings.is_secure:
            Certificates(settings.stack_dir).ensure()
        supervision.start()
    services = all_services(settings)
    names = list(only or services)
    began = time.monotonic()
    airflow = [name for name, service in services.items() if isinstance(service, AirflowComponent)]
    with_airflow = any(name in airflow for name in names)
    for name in names:
        if name not in airflow:
            supervision.start_service(name)
    if with_airflow:
        _wait(supervision, settings, "postgres", began, say)
        _load_airflow_settings(settings)
        for name in airflow:
            supervision.start_service(name)
    for name in names:
        if name != "postgres" or not with_airflow:
            _wait(supervision, settings, name, began, say)


def check_profile(settings: Settings) -> None:
    """Refuse to run servers without accounts as if they had them, or the reverse.

    Raises
    ------
    SetupError
        The folder of the stack was made in another profile.
    """
    path = settings.stack_dir / "profile"
    made_as = (
        path.read_text() if path.exists() else "open" if (settings.stack_dir / "kafka").exists() else None
    )
    if made_as not in (None, settings.profile):
        raise SetupError(
            f"expected a stack of the profile {settings.profile} in {settings.stack_dir}, found one that was made as "
            f"{made_as}; use PROFILE={made_as}, or another TIDEWATCH_STACK_DIR"
        )
    path.write_text(settings.profile)


def _wait(supervision: Supervision, settings: Settings, name: str, began: float, say: Say) -> None:
    service = all_services(settings)[name]
    try:
        wait_for(service, service.start_seconds)
        service.set_up()
    except ServiceFailed as failure:
        log = supervision.logs / f"{name}.log"
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(no log)"
        raise ServiceFailed(f"{failure}\nThe last lines there:\n{tail}") from failure
    say(f"  {name:<14} up after {time.monotonic() - began:5.1f} s")


def _load_airflow_settings(settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "include.local.airflow_settings"],
        env=stack_environment(settings) | airflow_environment(settings),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ServiceFailed(f"expected to set Airflow's database up, got:\n{done.stderr[-1500:]}")


def down(settings: Settings, say: Say = print) -> None:
    """Stop everything and leave no process behind."""
    left = Supervision(settings).stop()
    say("The stack is down." + (f" {left} orphaned processes were ended." if left else ""))


@dataclass(frozen=True, slots=True)
class ComponentState:
    """A server as its supervisor has it."""

    label: str
    started: int  # seconds since the epoch

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self.label in ("RUNNING", "STARTING")


def components(settings: Settings) -> dict[str, ComponentState]:
    """Every server of the stack; one that starts again has another ``started``."""
    return {
        name: ComponentState(str(entry["statename"]), int(entry["start"]))
        for name, entry in Supervision(settings).states().items()
    }


def status(settings: Settings) -> list[tuple[str, str, str]]:
    """Rows of (service, state, detail)."""
    states = Supervision(settings).states()
    rows = []
    for name, service in all_services(settings).items():
        state = states.get(name, {})
        label = str(state.get("statename", "STOPPED"))
        if label == "RUNNING" and not service.is_up():
            label = "STARTING"
        ports = ", ".join(str(port) for port in service.ports.values())
        rows.append((name, label, f"{state.get('description', '')}{'; port ' + ports if ports else ''}"))
    return rows
