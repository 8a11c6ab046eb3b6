"""airflow_settings.yaml names what the code asks for, in a form that Astro passes on unharmed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest

from include.local.airflow_settings import read
from include.orchestration import connections
from include.settings import PROJECT
from tests.astro.imports import deployed_files

#: Set by whoever wants SendGrid, without which alerts leave by SMTP, or parts with accounts of their own.
OPTIONAL = {
    connections.SENDGRID,
    connections.KAFKA_ADMIN,
    connections.KAFKA_BANK,
    connections.KAFKA_DESK,
    connections.CASSANDRA_ADMIN,
    connections.CASSANDRA_DESK,
    connections.CASSANDRA_READER,
}


def _code() -> Iterator[ast.AST]:
    for path in deployed_files():
        yield from ast.walk(ast.parse(path.read_text()))


def _literals() -> Iterator[str]:
    for node in _code():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_connections_are_those_the_code_uses() -> None:
    constants = {
        value for name, value in vars(connections).items() if name.isupper() and isinstance(value, str)
    }
    defaults = {text for text in _literals() if re.fullmatch(r"[a-z_]+_default", text)}
    assert {connection.conn_id for connection in read().connections} == (constants | defaults) - OPTIONAL


def test_pools_are_those_the_dags_use() -> None:
    used = {
        keyword.value.value
        for path in (PROJECT / "dags").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword) and node.arg == "pool" and isinstance(node.value, ast.Constant)
        for keyword in [node]
    }
    assert used == {pool.pool_name for pool in read().pools}


def test_variables_are_those_the_code_uses() -> None:
    templated = {
        name
        for text in _literals()
        for name in re.findall(r"\bvar\.(?:json|value)\.(?:get\(['\"])?(\w+)", text)
    }
    called = {
        node.args[0].value
        for node in _code()
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("Variable.get", "variable")
        and isinstance(node.args[0], ast.Constant)
    }
    made = {  # by the code itself, where nobody has set them
        node.args[0].value
        for node in _code()
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "Variable.set"
        and isinstance(node.args[0], ast.Constant)
    }
    assert (templated | called) - made == {variable.variable_name for variable in read().variables}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("part", ["connections", "pools", "variables"])
def test_texts_survive_the_shell(part: str) -> None:
    """Astro puts every text between single quotes on a command line of `airflow`."""
    texts = list(_texts(read().model_dump()[part]))
    assert [text for text in texts if "'" in text] == []


def test_extras_survive_the_settings_reader() -> None:
    """Astro's reader writes keys in small letters, and drops an extra that holds another table."""
    extras = {connection.conn_id: connection.conn_extra for connection in read().connections}
    assert [key for extra in extras.values() for key in extra if key != key.lower()] == []
    assert [name for name, extra in extras.items() if any(isinstance(v, dict) for v in extra.values())] == []
