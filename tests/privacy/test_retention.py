"""Every place that keeps something says for how long: tables of the migrations, folders of the code, topics."""

from __future__ import annotations

import ast
import importlib
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.auditing.retention import table
from include.privacy.logs import delete_old_logs
from include.privacy.retention import DEFAULT_DAYS, LAKE, TOPICS, days_wanted
from include.settings import PROJECT, Topics
from include.stores.cassandra.retention import FOR_EVER, OTHERWISE, TABLES, Retention

#: Methods of the lake whose first argument is a path.
_PATHS = {
    "write_bytes", "write_json", "write_table", "create_bytes", "read_json", "read_bytes", "read_table", "names",
    "exists", "delete_file", "delete_folder", "modified_at", "written_before", "written_since", "url", "sha256",
}  # fmt: skip


def tables_of_the_code() -> set[str]:
    """Every table that a migration or the migrator creates."""
    found = set()
    for path in (PROJECT / "include" / "sql" / "cassandra").glob("*.cql"):
        found |= set(re.findall(r"CREATE TABLE IF NOT EXISTS \{\{keyspace\}\}\.(\w+)", path.read_text()))
    return found | {"schema_migrations", "schema_lock", "installation"}


def _top(node: ast.expr, module: object) -> str | None:
    """Top folder that an expression of a path begins with, as far as can be told without running it."""
    match node:
        case ast.JoinedStr(values=[first, *_]):
            return _top(first, module)
        case ast.FormattedValue(value=value):
            return _top(value, module)
        case ast.Constant(value=str(text)):
            return text.partition("/")[0] or None
        case ast.Name(id=name) | ast.Attribute(attr=name):
            value = getattr(module, name, None)
            return value.partition("/")[0] if isinstance(value, str) else None
        case ast.Call(func=ast.Name(id="batch_folder"), args=[first, *_]):
            return _top(first, module)
    return None


def folders_of_the_code() -> set[str]:
    """Top folders of the lake that code under include/ reads or writes."""
    found = set()
    for path in (PROJECT / "include").rglob("*.py"):
        name = ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _PATHS
            and node.args
            and "lake" in ast.unparse(node.func.value).lower()
        ]
        if calls:
            module = importlib.import_module(name)
            found |= {top for call in calls if (top := _top(call.args[0], module))}
    return found


def test_every_table_has_an_entry():
    entered = {name for tables in TABLES.values() for name in tables} | set(OTHERWISE)
    assert tables_of_the_code() == entered
    assert len(tables_of_the_code()) > 25


def test_a_table_without_end_says_why():
    endless = {name for name, seconds in Retention().seconds().items() if seconds == 0}
    assert endless == set(FOR_EVER)


def test_every_folder_of_the_code_has_an_entry():
    found = folders_of_the_code()
    assert found - set(LAKE) == set()
    assert len(found) > 12, "the search finds hardly anything any more: mend it"


def test_every_topic_has_an_entry():
    assert set(TOPICS) == set(Topics.model_fields)


def test_every_setting_of_days_is_used_and_known():
    used = {kept.setting for kept in LAKE.values() if kept.setting}
    assert used <= set(DEFAULT_DAYS)
    assert set(DEFAULT_DAYS) - used == {"airflow_metadata", "airflow_logs", "monthly_reports"}


def test_the_document_is_what_the_code_says():
    assert table() in (PROJECT / "docs" / "retention.md").read_text(), "run: make retention, and put it there"


def test_the_variable_names_some_and_the_rest_has_its_default():
    assert days_wanted({"labels": 30}) == {**DEFAULT_DAYS, "labels": 30}
    assert days_wanted(None) == DEFAULT_DAYS


@pytest.mark.parametrize("wrong", [{"lables": 30}, {"labels": 0}, {"labels": "30"}, {"labels": True}])
def test_what_cannot_be_meant_deletes_nothing(wrong):
    with pytest.raises(ValueError, match="retention_days"):
        days_wanted(wrong)


def test_old_logs_go_and_nothing_else(tmp_path: Path):
    now = datetime.now(UTC)
    old = (now - timedelta(days=20)).timestamp()
    outside = tmp_path / "outside.log"
    logs = tmp_path / "logs"
    for name in (
        "dag_id=a/run_id=1/attempt=1.log",
        "dag_id=a/run_id=2/attempt=1.log",
        "b/x.log.3",
        "c/keep.json",
    ):
        path = logs / name
        path.parent.mkdir(parents=True)
        path.write_text("x")
    outside.write_text("x")
    (logs / "link.log").symlink_to(outside)
    new = logs / "dag_id=a/run_id=2/attempt=1.log"
    for path in [*logs.rglob("*"), outside]:
        if path != new and not path.is_symlink():
            os.utime(path, (old, old))
    assert delete_old_logs(logs, now - timedelta(days=14)) == 2
    assert outside.exists()
    assert new.exists()
    assert (logs / "c" / "keep.json").exists()
    assert not (logs / "dag_id=a/run_id=1/attempt=1.log").exists()
