"""What is checked before anything starts, each with a message that says what to do."""

from __future__ import annotations

import shutil
import socket

import psutil

from include.local.errors import PortTaken, SetupError
from include.local.jars import bundles, fetch
from include.local.java import java
from include.local.services import all_services
from include.settings import Settings

MEMORY_NEEDED_GIB = 5
CLUSTER_MEMORY_NEEDED_GIB = 10
DISK_NEEDED_GIB = 4


def check_memory(settings: Settings) -> None:
    """Refuse a machine on which the stack would be killed half-way."""
    needed = CLUSTER_MEMORY_NEEDED_GIB if settings.is_cluster else MEMORY_NEEDED_GIB
    free = psutil.virtual_memory().available / 2**30
    if free < needed:
        raise SetupError(
            f"expected {needed} GiB of free memory, found {free:.1f}; close something, or lower "
            "TIDEWATCH_MEMORY__CASSANDRA, TIDEWATCH_MEMORY__SPARK and TIDEWATCH_MEMORY__KAFKA (MiB of heap)"
        )


def check_disk(settings: Settings) -> None:
    """Refuse a disk that a demo would fill."""
    settings.stack_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.stack_dir).free / 2**30
    if free < DISK_NEEDED_GIB:
        raise SetupError(
            f"expected {DISK_NEEDED_GIB} GiB of free disk below {settings.stack_dir}, found {free:.1f}; make room "
            "(`make clean` removes earlier data) or set TIDEWATCH_STACK_DIR to another disk"
        )


def _holder(port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid is None:
                break
            process = psutil.Process(connection.pid)
            return f"process {process.pid} ({' '.join(process.cmdline())[:80] or process.name()})"
    return "another program (of another user)"


def check_ports(settings: Settings) -> None:
    """Refuse to start when a port is taken: which, by what, how to change it."""
    taken = []
    for service in all_services(settings).values():
        for name, port in service.ports.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((service.host, port))
                except OSError:
                    taken.append(
                        f"  port {port} of {service.name} is in use by {_holder(port)}: stop it, or set "
                        f"TIDEWATCH_PORTS__{name.upper()} to another port"
                    )
    if taken:
        raise PortTaken("expected every port of the stack to be free:\n" + "\n".join(taken))


def check_all(settings: Settings) -> None:
    """All of the above, and Java and the jars, which are fetched if need be."""
    java()
    check_memory(settings)
    check_disk(settings)
    check_ports(settings)
    fetch(settings.jars_dir, bundles(settings.lake))
