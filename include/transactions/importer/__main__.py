"""Command line of the importer: ``python -m include.transactions.importer --help``."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from include.privacy.errors import PrivacyError
from include.privacy.pseudonymising import Pseudonymiser
from include.privacy.settings import pseudonymiser
from include.transactions.errors import TransactionsError
from include.transactions.importer.importing import ImportedChunk, import_file
from include.transactions.importer.mapping import load_mapping
from include.transactions.importer.pseudonyms import read_key
from include.transactions.labels import TRUTH_SCHEMA
from include.transactions.producer import TransactionProducer
from include.transactions.schema import TRANSACTION_SCHEMA

_SHOWN = 20  # refused rows printed; all of them are counted


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m include.transactions.importer",
        description="Import historical transactions: to Kafka, or to Parquet with the labels beside it.",
    )
    parser.add_argument("file", type=Path, help="CSV, JSON Lines or Parquet")
    parser.add_argument(
        "--mapping", type=Path, required=True, help="YAML, see include/transactions/mappings/"
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        help="file with the secret key of the pseudonyms; TIDEWATCH_PSEUDONYMS has its own",
    )
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--bootstrap", help="Kafka brokers, host:port")
    target.add_argument("--to-parquet", type=Path, help="writes OUT and OUT with .labels before its ending")
    parser.add_argument("--topic", default="transactions")
    parser.add_argument("--rate", type=float, help="transactions a second; full speed if left out")
    parser.add_argument(
        "--shift-days",
        type=float,
        default=0,
        help="added to every time; Kafka takes nothing older than the retention",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if everything was imported, 3 if rows were refused, 2 if nothing could be."""
    options = _arguments(arguments)
    console = Console(stderr=True)
    try:
        imported, refused, reasons = _run(options, console)
    except (TransactionsError, PrivacyError) as error:
        console.print(f"[red]error:[/] {error}", highlight=False)
        return 2
    console.print(f"imported {imported:,}, refused {refused:,} of {imported + refused:,} rows")
    for reason, count in reasons.most_common():
        console.print(f"  {count:>9,}  {reason}", markup=False, highlight=False)
    return 3 if refused else 0


def _run(options: argparse.Namespace, console: Console) -> tuple[int, int, Counter[str]]:
    mapping, names = load_mapping(options.mapping), pseudonymiser()
    key = read_key(options.key_file) if names is None else None
    made = None if names is None else names.pseudonyms
    shift = timedelta(days=options.shift_days)
    chunks = import_file(options.file, mapping, key, time_shift=shift, pseudonyms=made)
    imported = refused = 0
    reasons: Counter[str] = Counter()
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    with ExitStack() as stack:
        target: _Kafka | _Parquet = (
            _Kafka(options, stack) if options.bootstrap else _Parquet(options.to_parquet, stack)
        )
        stack.enter_context(progress)
        task = progress.add_task(options.file.name, total=None)
        for chunk in chunks:
            target.write(chunk if names is None else _named(chunk, names))
            for refusal in chunk.refusals:
                reasons.update(refusal.reasons)
                refused += 1
                if refused <= _SHOWN:
                    console.print(
                        f"{refusal.file} row {refusal.row}: {'; '.join(refusal.reasons)}",
                        markup=False,
                        highlight=False,
                    )
            imported += chunk.transactions.num_rows
            progress.update(task, completed=imported + refused)
    return imported, refused, reasons


def _named(chunk: ImportedChunk, names: Pseudonymiser) -> ImportedChunk:
    """With tokens for what the mapping leaves: counterparties that are no accounts, and devices."""
    return replace(chunk, transactions=names.table(chunk.transactions), labels=names.table(chunk.labels))


class _Kafka:
    def __init__(self, options: argparse.Namespace, stack: ExitStack) -> None:
        self._producer = stack.enter_context(TransactionProducer(options.bootstrap, options.topic))
        self._rate = options.rate

    def write(self, chunk: ImportedChunk) -> None:
        self._producer.send_table(chunk.transactions, self._rate)


class _Parquet:
    def __init__(self, path: Path, stack: ExitStack) -> None:
        labels = path.with_suffix(f".labels{path.suffix}")
        self._transactions = stack.enter_context(pq.ParquetWriter(path, TRANSACTION_SCHEMA))
        self._labels = stack.enter_context(pq.ParquetWriter(labels, TRUTH_SCHEMA))

    def write(self, chunk: ImportedChunk) -> None:
        for writer, table in ((self._transactions, chunk.transactions), (self._labels, chunk.labels)):
            if isinstance(table, pa.Table) and table.num_rows:
                writer.write_table(table)


if __name__ == "__main__":
    sys.exit(main())
