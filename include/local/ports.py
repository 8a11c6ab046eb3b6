"""Ports for servers beside a stack that runs already."""

from __future__ import annotations

import random
import socket

from include.settings import HOST


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, below the range that outgoing connections take theirs from.

    Raises
    ------
    RuntimeError
        There are not so many.
    """
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 2_000):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"expected {count} free ports between 20000 and 32000, found {len(found)}")
