"""``make verify-audit``: chains, sealed files, models, and Cassandra's rows, against each other."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from include.auditing.stores import add_cassandra_arguments, cassandra
from include.governance.verify import Verification, verify_audit
from include.reports.checks import exit_code
from include.reports.table import checks_table
from include.settings import settings
from include.stores.cassandra.audit import CassandraAuditStore
from include.stores.cassandra.errors import CassandraStoreError
from include.stores.lake.files import Lake

_SHOWN = 40  # problems on the terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if everything is as it was recorded, else 1."""
    parser = argparse.ArgumentParser(prog="python -m include.auditing.verify", description=__doc__)
    parser.add_argument("--lake-only", action="store_true", help="leave Cassandra out")
    add_cassandra_arguments(parser)
    options = parser.parse_args(arguments)
    console, lake = Console(), Lake(settings().lake)
    result = verify_audit(lake) if options.lake_only else _with_cassandra(lake, options)
    show(result, console)
    path = write(result, settings().reports_dir)
    console.print(f"written: {path.parent.name}/{path.name}", highlight=False, soft_wrap=True)
    return exit_code(result.checks)


def _with_cassandra(lake: Lake, options: argparse.Namespace) -> Verification:
    try:
        with cassandra(options) as session:
            return verify_audit(lake, CassandraAuditStore(session))
    except CassandraStoreError as error:
        result = verify_audit(lake)
        result.second_store_wanted = True  # and not compared, which fails
        result.second_store_trouble = (
            f"expected Cassandra to compare its rows with the sealed files, got: {error} Start it (make up) and "
            "verify again, or verify the lake alone with LAKE_ONLY=1"
        )
        return result


def show(result: Verification, console: Console) -> None:
    """Problems, heads of the chains and the table of checks, on a terminal."""
    problems = result.problems
    for problem in problems[:_SHOWN]:
        console.print("found:", str(problem), style="red", highlight=False, markup=False, soft_wrap=True)
    if len(problems) > _SHOWN:
        console.print(f"… and {len(problems) - _SHOWN:,} more", style="red")
    if result.second_store_trouble:
        console.print(result.second_store_trouble, style="red", highlight=False, markup=False, soft_wrap=True)
    for by, files in Counter(map(str, result.erased.values())).items():
        console.print(f"{by}: {files} sealed files, each from the hash that was sealed", highlight=False)
    for name, head in result.heads.items():
        console.print(
            f"chain {name}: {head.number:,} records, head {head.sha256}", highlight=False, soft_wrap=True
        )
    console.print(checks_table(result.checks, "Audit"))


def write(result: Verification, folder: Path) -> Path:
    """Write ``audit.json`` among the reports."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "audit.json"
    path.write_text(json.dumps(result.document(), indent=1), encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
