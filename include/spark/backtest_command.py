"""``make backtest-rules``: a back-test at hand, written to the reports."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from include.governance.errors import GovernanceError
from include.governance.list_entries import parse_time
from include.pipeline.backtest_page import backtest_page
from include.pipeline.backtest_record import BacktestRecord, Found
from include.pipeline.backtest_replay import Order
from include.pipeline.backtest_run import backtest
from include.pipeline.rule_texts import rule_text
from include.reports.checks import exit_code
from include.reports.table import checks_table, terminal
from include.rules.loader import rule_id_of
from include.settings import HOST, settings
from include.spark.backtest import SparkEngine
from include.spark.session import connect
from include.stores.lake.files import Lake


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if every check holds, 1 if one does not, 2 if nothing could be tested."""
    parser = argparse.ArgumentParser(prog="python -m include.spark.backtest_command", description=__doc__)
    parser.add_argument("--from", dest="since", type=parse_time, help="first moment, e.g. 2026-03-01")
    parser.add_argument("--until", type=parse_time, help="moment after the last")
    parser.add_argument("--draft", default="", help="file of a rule, or its name among drafts or rules")
    parser.add_argument("--share", type=float, default=1.0, help="of the accounts the draft is for")
    parser.add_argument("--labels-as-of", type=parse_time, help="which labels count; all, by default")
    embedded = f"sc://{HOST}:{settings().ports.spark_connect}/;user_id=tidewatch"
    parser.add_argument("--spark", help="sc://…; default: SPARK_REMOTE, or the embedded one")
    options = parser.parse_args(arguments)
    console = terminal()
    lake = Lake(settings().lake)
    try:
        text = _text(options.draft)
        order = Order(options.since, options.until, rule_id_of(text) if text else "", text, options.share)
        with console.status("replaying"):
            engine = SparkEngine(
                lambda: connect(options.spark or os.environ.get("SPARK_REMOTE") or embedded, lake)
            )
            record = backtest(lake, order, engine, options.labels_as_of)
    except GovernanceError as error:
        console.print(f"[red]error:[/] {error}", highlight=False)
        return 2
    console.print(_rules_table(record))
    console.print(checks_table(record.checks))
    for path in _write(record, settings().reports_dir):
        console.print(f"written: {path.name}", highlight=False)
    return exit_code(record.checks)


def _text(draft: str) -> str:
    path = Path(draft)
    return path.read_text(encoding="utf-8") if draft and path.is_file() else rule_text(draft) if draft else ""


def _rules_table(record: BacktestRecord) -> Table:
    title = f"{record.rows:,} transactions, {len(record.days)} days, {record.seconds:.1f} s ({record.engine})"
    table = Table("", "hits", "fraud", "legitimate", "precision", "recall", title=title, title_justify="left")

    def line(name: str, found: Found) -> None:
        shares: list[Any] = [found.precision, found.recall(record.frauds)]
        said = ["–" if share is None else f"{share:.3f}" for share in shares]
        table.add_row(name, f"{found.hits:,}", f"{found.fraud:,}", f"{found.legitimate:,}", *said)

    line("alerts, live set", record.alerts("before"))
    if record.order.rule_id:
        line("alerts, with the draft", record.alerts("after"))
    table.add_section()
    for rule, found in record.rules.items():
        line(f"{rule} (draft)" if rule == record.order.rule_id else rule, found)
    return table


def _write(record: BacktestRecord, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    written = {
        "backtest.json": json.dumps(record.document(), indent=1),
        "backtest.html": backtest_page(record),
    }
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in written]


if __name__ == "__main__":
    sys.exit(main())
