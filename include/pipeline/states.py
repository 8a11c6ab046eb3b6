"""States of accounts and counterparties as a file of the lake."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from include.stores.lake.files import Lake

_SCHEMA = pa.schema([("kind", pa.string()), ("key", pa.string()), ("state", pa.binary())])

#: Newest state of each key, by kind.
States = Mapping[str, Mapping[str, bytes]]


def write_states(lake: Lake, path: str, states: States) -> None:
    """Write one row a key; again replaces the file."""
    rows = [(kind, key, state) for kind, by_key in states.items() for key, state in by_key.items()]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(_SCHEMA)
    lake.write_table(path, pa.table([list(column) for column in columns], schema=_SCHEMA))


def read_states(lake: Lake, path: str) -> dict[str, dict[str, bytes]]:
    """Read what ``write_states`` wrote; FileNotFoundError if there is none."""
    table = lake.read_table(path)
    states: dict[str, dict[str, bytes]] = {}
    for kind, key, state in zip(*(table[name].to_pylist() for name in _SCHEMA.names), strict=True):
        states.setdefault(kind, {})[key] = state
    return states
