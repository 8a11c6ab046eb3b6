"""Everything a stack has written, searched for texts that must not be there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from include.settings import HOST, Settings
from include.stores.cassandra.address import CassandraAddress
from include.stores.lake.files import Lake

#: Where an installation's secrets belong: files only their owner can read.
VAULTS = ("secrets.json", "airflow/passwords.json")


def files(folder: Path, skip: Iterable[str] = ()) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file below a folder; ``skip`` names files and folders relative to it."""
    left_out = [folder / name for name in skip]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(path == one or one in path.parents for one in left_out):
            try:
                yield str(path.relative_to(folder)), path.read_bytes()
            except FileNotFoundError:
                continue  # a server has taken it away meanwhile


def lake_texts(lake: Lake, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a lake on disk; Parquet, which is compressed, row by row."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(folder))
            if name.endswith(".parquet"):
                yield name, str(lake.read_table(name).to_pylist()).encode()
            else:
                yield name, path.read_bytes()


def database_rows(settings: Settings, password: str) -> Iterator[tuple[str, bytes]]:
    """Every row of every table of Airflow's database, as text."""
    import psycopg2
    from psycopg2 import sql

    connection = psycopg2.connect(
        host=HOST, port=settings.ports.postgres, user="airflow", password=password, dbname="postgres"
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)))
            for (row,) in cursor.fetchall():
                yield f"airflow database, table {table}", row.encode()
    connection.close()


def cassandra_rows(settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Every row of every table of the keyspace, as text."""
    session = CassandraAddress((HOST,), settings.ports.cassandra, settings.keyspace).connect()
    try:
        tables = session.execute(
            "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (settings.keyspace,)
        )
        for (table,) in list(tables):
            for row in session.execute(f"SELECT * FROM {settings.keyspace}.{table}"):  # noqa: S608
                yield f"cassandra, table {table}", repr(tuple(row)).encode()
    finally:
        session.cluster.shutdown()


def found(places: Iterable[tuple[str, bytes]], texts: Mapping[str, str]) -> dict[str, Any]:
    """Which of ``texts`` (what → text) stand where: place → what, with what stands around the first.

    Of texts of which one begins with the other the shorter one is told. One pass over each content, whatever the
    number of texts.
    """
    needles = {text.encode(): what for what, text in texts.items()}
    pattern = re.compile(_one_of(list(needles)))
    hits: dict[str, Any] = {}
    for place, content in places:
        for hit in pattern.finditer(content):
            around = content[max(0, hit.start() - 100) : hit.start() + 100].decode("utf-8", "replace")
            hits.setdefault(place, {}).setdefault(needles[hit.group()], around)
    return hits


def _one_of(words: Sequence[bytes]) -> bytes:
    """A pattern of these words, each beginning written once: the shape in which ``re`` is fast."""
    rests: dict[bytes, list[bytes]] = defaultdict(list)
    for word in words:
        rests[word[:1]].append(word[1:])
    parts = [
        re.escape(first) + (b"" if b"" in some else _one_of(some)) for first, some in sorted(rests.items())
    ]
    return parts[0] if len(parts) == 1 else b"(?:" + b"|".join(parts) + b")"
