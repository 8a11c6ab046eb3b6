"""A lake with a few batches whose every row and moment a test has chosen, and its figures counted row by row."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from include.pipeline.labelling import VERDICT_SCHEMA
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, accepted_file, batch_folder, scored_file
from include.stores.lake.names import LABELS
from tests.alerts.examples import NOON, scored_row, scored_table

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
SEGMENTS = {"C-1": "private", "C-2": "premium", "C-3": "business"}


@dataclass
class SmallBank:
    """What was written, row by row."""

    lake: Lake
    rows: list[dict[str, Any]] = field(default_factory=list)  # of scored batches, with "at" and "batch"
    settled: list[tuple[datetime, Counter[str]]] = field(default_factory=list)
    verdicts: list[tuple[str, bool]] = field(default_factory=list)  # in the order they were collected

    @property
    def ledger(self) -> BatchLedger:
        return BatchLedger(self.lake)

    def batch(self, at: datetime, rows: list[dict[str, Any]], duplicates: int = 0, dead: int = 0) -> None:
        """Accept and score a batch at a moment."""
        number = self.ledger.cursor(Stage.SCORED).next_batch
        table = scored_table(*(scored_row(**row, scored_at=at) for row in rows))
        self.lake.write_table(accepted_file(number), table)
        counts = {"accepted": len(rows), "duplicates": duplicates, "dead_lettered": dead}
        self._complete(Stage.ACCEPTED, number, at, counts)
        self.lake.write_table(scored_file(number), table)
        self._complete(Stage.SCORED, number, at, {"scored": len(rows)}, {"scored_at": at.isoformat()})
        self.rows += [dict(row, at=at, batch=number) for row in table.to_pylist()]
        self.settled.append((at, Counter(counts)))

    def tell(self, at: datetime, *verdicts: tuple[str, bool]) -> None:
        """Collect a batch of verdicts on scored transactions."""
        number = self.ledger.cursor(LABELS).next_batch
        batch_of = {row["transaction_id"]: row["batch"] for row in self.rows}
        rows = [
            {
                "transaction_id": name, "account_id": "A", "is_fraud": fraud, "source": "ANALYST",
                "labelled_at": at, "counterparty_id": "M", "occurred_at": NOON, "batch": batch_of[name],
            }
            for name, fraud in verdicts
        ]  # fmt: skip
        table = pa.Table.from_pylist(rows, schema=VERDICT_SCHEMA)
        self.lake.write_table(f"{batch_folder(LABELS, number)}/joined.parquet", table)
        self._complete(LABELS, number, at, {"accepted": len(rows)})
        self.verdicts += verdicts

    def _complete(
        self,
        stage: str,
        number: int,
        at: datetime,
        counts: dict[str, int],
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.ledger.complete(stage, number, counts, facts=facts)
        path = f"{batch_folder(stage, number)}/manifest.json"
        self.lake.write_json(path, self.lake.read_json(path) | {"completed_at": at.isoformat()})

    def within(self, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Rows scored in [since, until)."""
        return [row for row in self.rows if since <= row["at"] < until]

    def fraud(self, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """Those of them that are labelled fraud by the newest verdict."""
        newest = dict(self.verdicts)
        return [row for row in self.within(since, until) if newest.get(row["transaction_id"])]


def money(rows: list[dict[str, Any]]) -> dict[str, Decimal]:
    """Exact sums by currency, added up one by one."""
    total: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        total[row["currency"]] += row["amount"]
    return dict(total)


def busy(lake: Lake, seed: int, days: int = 3) -> SmallBank:
    """A bank of some days with labels that come late, contradict each other, and speak of any decision."""
    chance, bank = random.Random(seed), SmallBank(lake)
    moments = sorted(MONDAY + timedelta(seconds=chance.randrange(days * 86_400)) for _ in range(6 * days))
    moments[0], moments[-1] = MONDAY, MONDAY + timedelta(days=days) - timedelta(microseconds=1)
    for at in moments:
        rows = [_row(chance, f"{at.timestamp()}-{number}") for number in range(chance.randrange(1, 9))]
        bank.batch(at, rows, chance.randrange(3), chance.randrange(3))
        known = [row["transaction_id"] for row in bank.rows]
        bank.tell(at, *((chance.choice(known), chance.random() < 0.6) for _ in range(chance.randrange(6))))
    return bank


def _row(chance: random.Random, name: str) -> dict[str, Any]:
    decision = chance.choice(["ALLOW", "ALLOW", "REVIEW", "ALERT"])
    return {
        "transaction_id": name,
        "customer_id": chance.choice([*SEGMENTS, "C-unknown", None]),
        "amount": Decimal(chance.randrange(1, 10_000_000)) / 10_000,
        "currency": chance.choice(["EUR", "USD", "JPY"]),
        "decision": decision,
        "severity": chance.choice(["LOW", "HIGH", "CRITICAL"]),
        "typology": "" if decision == "ALLOW" else chance.choice(["card_testing", "mule_account", "unknown"]),
    }
