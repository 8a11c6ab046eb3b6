"""Carries out a request that was approved, step by step; each may be killed and done again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from include.pipeline.batch_log import batch_numbers
from include.pipeline.provisional import provisional_file
from include.privacy.erasure import ErasurePlan, note
from include.privacy.rewriting import Witness, rewrite_batches, rewrite_labels, rewrite_states
from include.stores.lake.files import Lake
from include.stores.lake.ledger import Stage, accepted_file, labels_file, scored_file
from include.stores.lake.names import LABELS

_COLUMNS = ("account_id", "counterparty_id", "customer_id", "device_id")


class Eraser(Protocol):
    """What is asked of the store of rows; see ``include.stores.cassandra.erasing``."""

    def move_rows(self, scored: pa.Table, batch: int) -> None:
        """Write rows of a batch as its file has them now."""
        ...

    def erase_totals(self, kind: str, key: str, moments: Iterable[datetime]) -> None:
        """Remove totals by hour and day."""
        ...

    def erase_account(self, account: str, in_lake: set[str]) -> None:
        """Remove what an account has."""
        ...

    def erase_customer(self, customer_id: str) -> None:
        """Remove a customer's record."""
        ...


def erase_lake(lake: Lake, plan: ErasurePlan, witness: Witness = lambda record: None) -> dict[str, int]:
    """Put tokens in the place of identifiers in every file of the lake; returns counts."""
    for batch, rewrites in rewrite_batches(lake, plan, witness):
        rows = max(one.rows for one in rewrites)
        note(lake, plan.request, f"batch-{batch}", {"files": len(rewrites), "rows": rows})
    labels, states = rewrite_labels(lake, plan), rewrite_states(lake, plan)
    note(lake, plan.request, "lake", {"rows of labels": labels, "stored states": states})
    return lake_counts(lake, plan)


def lake_counts(lake: Lake, plan: ErasurePlan) -> dict[str, int]:
    """What has been done to the lake, by all tries together."""
    folder = f"erasures/{plan.request}"
    parts = [lake.read_json(f"{folder}/{name}") for name in lake.names(folder) if name.startswith("batch-")]
    return {
        "batches": len(parts),
        "files": sum(part["files"] for part in parts),
        "rows": sum(part["rows"] for part in parts),
        **(lake.read_json(f"{folder}/lake.json") or {}),
    }


def erase_stores(lake: Lake, plan: ErasurePlan, eraser: Eraser) -> None:
    """Let the rows of the stores follow the rewritten files, and remove what has no file."""
    in_lake: set[str] = set()
    paid: dict[str, list[datetime]] = {}
    back = {token: name for name, token in plan.accounts.items()}
    tokens = pa.array(list(back), pa.string())
    for batch in _covered(lake, plan):
        path = scored_file(batch)
        if not lake.exists(path):
            continue
        scored = lake.read_table(path)
        own, other = (pc.is_in(scored[name], tokens) for name in ("account_id", "counterparty_id"))
        rows = scored.filter(pc.or_(own, other))
        if not rows.num_rows:
            continue
        eraser.move_rows(rows, batch)
        in_lake |= set(scored.filter(own)["transaction_id"].to_pylist())
        to_them = scored.filter(other)
        for token, at in zip(
            to_them["counterparty_id"].to_pylist(), to_them["occurred_at"].to_pylist(), strict=True
        ):
            paid.setdefault(back[token], []).append(at)
    for account, moments in paid.items():
        eraser.erase_totals("counterparty", account, moments)
    for account in plan.accounts:
        eraser.erase_account(account, in_lake)
    for customer_id in plan.customer:
        eraser.erase_customer(customer_id)


def left_in_lake(lake: Lake, plan: ErasurePlan) -> dict[str, int]:
    """Rows of the lake's tables in which an identifier of the plan still stands, by file."""
    found = {}
    for path in _tables(lake, plan):
        table = lake.read_table(path, _COLUMNS)
        rows = sum(
            int(pc.sum(pc.is_in(table[name], pa.array(list(tokens), pa.string()))).as_py() or 0)
            for name, tokens in plan.tokens.items()
            if name in table.column_names
        )
        if rows:
            found[path] = rows
    return found


def _covered(lake: Lake, plan: ErasurePlan) -> Iterator[int]:
    return (one for one in batch_numbers(lake, str(Stage.SCORED)) if one < plan.until_batch)


def _tables(lake: Lake, plan: ErasurePlan) -> Iterator[str]:
    for batch in _covered(lake, plan):
        files = (accepted_file(batch), labels_file(batch), scored_file(batch), provisional_file(batch))
        yield from filter(lake.exists, files)
    for name in lake.names(LABELS):
        for file in lake.names(f"{LABELS}/{name}"):
            if file.endswith(".parquet"):
                yield f"{LABELS}/{name}/{file}"
