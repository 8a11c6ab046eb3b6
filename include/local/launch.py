"""Becomes a server: ``python -m include.local.launch kafka`` prepares Kafka and is then replaced by it.

The supervisor starts every server through this, so a restart after a crash waits for what the
server needs and prepares it just as the first start did.
"""

from __future__ import annotations

import os
import sys
import time

from include.local.errors import LocalStackError, ServiceFailed
from include.local.processes import SERVICE_MARK, end, marked
from include.local.services import Service, all_services
from include.settings import settings


def wait_for(service: Service, seconds: float) -> None:
    """Wait until a service is up.

    Raises
    ------
    ServiceFailed
        When it is not up in time; says for what one waited and how long.
    """
    patience = time.monotonic() + seconds
    while not service.is_up():
        if time.monotonic() > patience:
            raise ServiceFailed(
                f"waited {seconds:.0f} s for {service.name} to answer on {service.ports or 'its port'}, in vain; "
                f"see {service.settings.stack_dir}/logs/{service.name}.log"
            )
        time.sleep(0.2)


def main(name: str) -> None:
    """Prepare a service and become it."""
    services = all_services(settings())
    service = services[name]
    # A server that was killed may have left children: a worker that goes on would write beside its successor.
    end(marked(settings().stack_dir, name), patience_seconds=5)
    for need in service.needs:
        wait_for(services[need], services[need].start_seconds)
    service.prepare()
    environment = os.environ | service.environment() | {SERVICE_MARK: name}
    user = service.user()
    if user:
        import pwd

        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
        environment["HOME"] = str(service.folder)
    command = service.command()
    os.chdir(service.folder)
    os.execvpe(command[0], command, environment)  # noqa: S606 - the very point of this module


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except LocalStackError as problem:
        sys.exit(f"{sys.argv[1]}: {problem}")
