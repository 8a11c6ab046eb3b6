"""The embedded stack's command line: ``python -m include.local up|down|status|setup``."""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console
from rich.table import Table

from include.local import stack
from include.local.airflow_environment import address
from include.local.errors import LocalStackError
from include.local.jars import bundles, fetch
from include.local.java import java
from include.local.secrets import load_secrets
from include.local.supervision import Supervision
from include.settings import Profile, Settings, SettingsRefused, Topology, settings


def _print_status(now: Settings) -> None:
    table = Table("service", "state", "detail", title="The embedded stack")
    for row in stack.status(now):
        table.add_row(*row)
    Console().print(table)


def keep_private(now: Settings) -> None:
    """What this process writes, in the secure profile, is for its own user alone; so it is with the servers."""
    if now.is_secure:
        os.umask(0o077)


def print_addresses(now: Settings) -> None:
    """Where things are, and the generated password."""
    secrets = load_secrets(now.stack_dir)
    print(f"Airflow UI   {address(now)}   user admin, password {secrets.admin}")
    print(f"             to approve what admin began: user approver, password {secrets.approver}")
    print(f"Fraud desk   {address(now)}/fraud-desk/   user analyst, password {secrets.analyst}")
    print(f"Mailbox      http://127.0.0.1:{now.ports.mailbox}/")
    print(f"Logs         {now.stack_dir}/logs/        Stop everything: make down")


#: The stacks there can be beside each other, and how `make` is told which is meant.
_STACKS: dict[tuple[Profile, Topology], str] = {
    ("open", "single"): "",
    ("secure", "single"): " PROFILE=secure",
    ("open", "cluster"): " TOPOLOGY=cluster",
}


def _tell_of_the_others(now: Settings) -> None:
    """Whoever forgot to name the profile would think that all is down."""
    for (profile, topology), words in _STACKS.items():
        other = Settings(profile=profile, topology=topology)
        if other.stack_dir != now.stack_dir and Supervision(other).is_running():
            print(f"Another stack ({profile}, {topology}) goes on running: make down{words}")


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m include.local", description=__doc__)
    parser.add_argument("command", choices=["setup", "up", "down", "status"])
    parser.add_argument("services", nargs="*", help="only these (up)")
    options = parser.parse_args(arguments)
    try:
        now = settings()
        keep_private(now)
        if options.command == "setup":
            java()
            fetch(now.jars_dir, bundles(now.lake))
        elif options.command == "up":
            print("Starting the stack …", flush=True)
            stack.up(now, options.services or None)
            print_addresses(now)
        elif options.command == "down":
            stack.down(now)
            _tell_of_the_others(now)
        else:
            _print_status(now)
    except (LocalStackError, SettingsRefused) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
