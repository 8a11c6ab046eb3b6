"""What every embedded server has in common: a name, ports, a command, and a way to tell it is up."""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from pathlib import Path

from include.settings import HOST, Settings


class Service(ABC):
    """One server of the embedded stack.

    Attributes
    ----------
    name
        Name of its process, its folder and its log.
    needs
        Names of the services that must be up before it starts.
    start_seconds
        How long it may take to come up before that counts as a failure.
    stop_seconds
        How long it may take to stop before it is killed.
    """

    name: str
    needs: tuple[str, ...] = ()
    start_seconds: float = 60
    stop_seconds: float = 15

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.folder: Path = settings.stack_dir / self.name

    @property
    def host(self) -> str:
        """Address it listens on."""
        return HOST

    @property
    def ports(self) -> dict[str, int]:
        """Ports it listens on, by the name of their setting."""
        return {}

    def prepare(self) -> None:
        """Write configuration and format storage; called before every start, changes no data."""
        self.folder.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def command(self) -> list[str]:
        """Command line."""

    def environment(self) -> dict[str, str]:
        """Variables it needs on top of the stack's."""
        return {}

    def set_up(self) -> None:
        """What is done on the server once it answers, at every start of the stack; again changes nothing."""
        return

    def user(self) -> str | None:
        """System user to run as; None for the caller's own."""
        return None

    def is_up(self) -> bool:
        """Whether it answers."""
        return all(port_answers(port, self.host) for port in self.ports.values())


class Node(Service):
    """One of several servers of a kind, each on an address of its own.

    Parameters
    ----------
    node
        From 1 on; the first has the plain name of the kind.
    """

    def __init__(self, settings: Settings, node: int = 1) -> None:
        self.node = node
        if node > 1:
            self.name = f"{self.name}-{node}"
        super().__init__(settings)

    @property
    def host(self) -> str:  # noqa: D102
        return self.settings.hosts[self.node - 1]


def write_private(path: Path, text: str) -> None:
    """Write a file that may hold secrets: nobody but its owner can read it, at no moment."""
    new = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def port_answers(port: int, host: str = HOST) -> bool:
    """Whether something accepts connections on a local port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0
