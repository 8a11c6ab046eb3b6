"""CQL files: their parameters filled in, and split into statements.

``{{name}}`` stands for a parameter. Only values made by this module are ever put in, because CQL
cannot bind a keyspace name or a replication map.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from include.stores.cassandra.errors import MigrationInvalid

_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,47}")
_REPLICATION_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]*")
_PARAMETER = re.compile(r"\{\{(\w+)\}\}")
# Comments, quoted text, the end of a statement, or anything else, one piece at a time.
_PIECE = re.compile(r"--[^\n]*|//[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|;|.", re.DOTALL)


def keyspace_name(name: str) -> str:
    """The name, if it needs no quotes anywhere.

    Raises
    ------
    MigrationInvalid
        For anything but 1–48 lower-case letters, digits and underscores, a letter first.
    """
    return _plain(name, "a keyspace name", "choose another name in the settings")


def role_name(name: str) -> str:
    """The name of a role, if it needs no quotes anywhere.

    Raises
    ------
    MigrationInvalid
        For anything but 1–48 lower-case letters, digits and underscores, a letter first.
    """
    return _plain(name, "the name of a role", "make one with such a name")


def _plain(name: str, what: str, advice: str) -> str:
    if not _PLAIN.fullmatch(name):
        raise MigrationInvalid(
            f"expected {what} of 1 to 48 lower-case letters, digits and underscores, a letter "
            f"first; came {name!r}: {advice}"
        )
    return name


def replication_map(replication: Mapping[str, str | int]) -> str:
    """CQL map literal such as ``{'class': 'NetworkTopologyStrategy', 'dc1': 3}``.

    Raises
    ------
    MigrationInvalid
        Without a class, or with a name or value that is not a plain word or number.
    """
    parts = []
    for key, value in replication.items():
        if not _REPLICATION_KEY.fullmatch(key) or not _REPLICATION_KEY.fullmatch(str(value)):
            raise MigrationInvalid(
                f"expected replication options of letters, digits, '.', '_' and '-'; came {key!r}: "
                f"{value!r}: correct the replication in the settings"
            )
        parts.append(f"'{key}': '{value}'")
    if "class" not in replication:
        raise MigrationInvalid(
            f"expected replication with a 'class'; came {dict(replication)!r}: "
            "use for example {'class': 'NetworkTopologyStrategy', 'datacenter1': 3}"
        )
    return "{" + ", ".join(parts) + "}"


def fill(text: str, parameters: Mapping[str, str]) -> str:
    """Text with every ``{{name}}`` replaced.

    Raises
    ------
    MigrationInvalid
        For a name without a value.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in parameters:
            raise MigrationInvalid(
                f"expected a parameter among {sorted(parameters)}; the file asks for {name!r}: "
                "correct the file"
            )
        return parameters[name]

    return _PARAMETER.sub(value, text)


def split(text: str) -> list[str]:
    """Statements of a file without comments; a semicolon inside quotes ends nothing."""
    statements, current = [], ""
    for piece in _PIECE.findall(text + "\n;"):
        if piece == ";":
            if current.strip():
                statements.append(current.strip())
            current = ""
        elif not piece.startswith(("--", "//", "/*")):
            current += piece
    return statements
