"""The DuckDB connection of each thread: in memory, one thread, no way out, settings locked."""

from __future__ import annotations

import os
import threading
from typing import Any

import duckdb

_local = threading.local()
#: Connections of a parent process: their destructors wait for threads that a fork does not copy.
_inherited: list[Any] = []


def connection() -> Any:
    """Connection of the calling thread, made at its first call.

    It cannot read or write files, reach the network, load extensions, see Python variables or change
    its settings. A forked process makes its own: a connection does not survive a fork.
    """
    if getattr(_local, "process", None) != os.getpid():
        _inherited.append(getattr(_local, "connection", None))
        _local.connection = _connect()
        _local.process = os.getpid()
    return _local.connection


def _connect() -> Any:
    made = duckdb.connect(
        ":memory:",
        config={
            "threads": 1,
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    made.execute("SET TimeZone = 'UTC'")
    made.execute("SET python_enable_replacements = false")
    # Every batch is planned anew, and there is nothing to optimise in one scan of a table in memory.
    made.execute("PRAGMA disable_optimizer")
    made.execute("SET lock_configuration = true")
    return made
