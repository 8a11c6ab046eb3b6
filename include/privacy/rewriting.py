"""Rewrites the lake's files so that a person's identifiers give way to tokens, and nothing else changes.

Whose row it is: a row is the person's if its account is. Where the person is somebody else's counterparty, only that
field changes. Features are computed from equality of identifiers, so batches, labels and stored states are
rewritten alike, and parity and replay still hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from include.features.packing import ACCOUNT, COUNTERPARTY
from include.features.transactions import stable_hash
from include.governance.audit import AuditRecord
from include.governance.decisions import sealed_files
from include.governance.erasures import Rewrite, record_rewrites
from include.pipeline.bank import BANKS
from include.pipeline.batch_log import STATES, batch_numbers
from include.pipeline.known_labels import HISTORY
from include.pipeline.provisional import provisional_file
from include.pipeline.states import read_states, write_states
from include.privacy.erasure import ErasurePlan
from include.stores.lake.files import Lake, parquet_bytes
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.lake.names import LABELS

#: Told of each record, so that another store can witness it.
Witness = Callable[[AuditRecord], None]

_LABEL_FILES = ("data.parquet", "joined.parquet", "waiting.parquet")
_DEVICE_SHIFT = np.uint64(32)


def rewrite(table: pa.Table, plan: ErasurePlan) -> tuple[pa.Table, int]:
    """A table with tokens in the place of identifiers; and how many of its rows were changed.

    Of the person's own rows ``extra``, fields nobody has defined, is emptied too.
    """
    changed = pa.array(np.zeros(table.num_rows, bool))
    own = _in(table["account_id"], plan.accounts) if "account_id" in table.column_names else changed
    for name, tokens in plan.tokens.items():
        if name not in table.column_names or not tokens:
            continue
        found = _in(table[name], tokens)
        if not pc.any(found).as_py():
            continue
        at = pc.index_in(table[name], pa.array(list(tokens), pa.string()))
        replaced = pa.chunked_array([pa.array(list(tokens.values()), pa.string()).take(_one(at))])
        column = pc.if_else(found, replaced, table[name]).cast(table.schema.field(name).type)
        table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
        changed = pc.or_(_one(changed), _one(found))
    if "extra" in table.column_names and pc.any(own).as_py():
        filled = pc.and_(_one(own), _one(pc.is_valid(table["extra"])))
        emptied = pc.if_else(filled, pa.scalar(None, pa.string()), _one(table["extra"]))
        table = table.set_column(table.column_names.index("extra"), table.schema.field("extra"), emptied)
        changed = pc.or_(_one(changed), filled)
    return table, int(pc.sum(_one(changed)).as_py() or 0)


def rewrite_batches(lake: Lake, plan: ErasurePlan, witness: Witness) -> Iterator[tuple[int, list[Rewrite]]]:
    """Rewrite the files the audit has hashes of, of every batch that the plan covers; yields each batch it changed.

    The audit chain has old and new hash of each file before the first is written. Idempotent: a file without the
    person is left alone, so a request that was killed goes on where it stopped.
    """
    for batch in batch_numbers(lake, str(Stage.ACCEPTED)):
        if batch >= plan.until_batch:
            break
        rewrites, contents = [], {}
        # What was decided without history is beside the batch, and has the same rows.
        for path in (*sealed_files(batch), provisional_file(batch)):
            if not lake.exists(path):
                continue
            before = lake.read_bytes(path)
            table, rows = rewrite(pq.ParquetFile(pa.BufferReader(before)).read(), plan)
            if rows:
                contents[path] = parquet_bytes(table)
                rewrites.append(Rewrite(path, _sha(before), _sha(contents[path]), rows))
        if not rewrites:
            continue
        witness(record_rewrites(lake, plan.request, batch, rewrites))
        # The scored file last: what stands in Cassandra follows from it, see ``erase_stores``.
        for path in contents:
            lake.write_bytes(path, contents[path])
        yield batch, rewrites


def rewrite_labels(lake: Lake, plan: ErasurePlan) -> int:
    """Rewrite the label batches that have been collected; returns how many rows."""
    done, changed = BatchLedger(lake).cursor(LABELS).next_batch, 0
    for batch in batch_numbers(lake, LABELS):
        for name in _LABEL_FILES:
            path = f"{batch_folder(LABELS, batch)}/{name}"
            if batch < done and lake.exists(path):
                changed += _rewrite_file(lake, path, plan)
    return changed


def rewrite_states(lake: Lake, plan: ErasurePlan) -> int:
    """Rewrite states that replays start from, and histories of simulated banks; returns keys and rows changed."""
    changed = 0
    for bank in lake.names(BANKS):
        if lake.exists(path := f"{BANKS}/{bank}/{HISTORY}"):
            changed += _rewrite_file(lake, path, plan)
        changed += _rewrite_states_file(lake, f"{BANKS}/{bank}/states.parquet", plan)
    for name in lake.names(STATES):
        changed += _rewrite_states_file(lake, f"{STATES}/{name}", plan)
    return changed


def _rewrite_file(lake: Lake, path: str, plan: ErasurePlan) -> int:
    table, rows = rewrite(lake.read_table(path), plan)
    if rows:
        lake.write_table(path, table)
    return rows


def _rewrite_states_file(lake: Lake, path: str, plan: ErasurePlan) -> int:
    if not lake.exists(path):
        return 0
    states, changed = read_states(lake, path), 0
    accounts, devices = _hashes(plan.accounts), _device_hashes(plan.devices)
    made: dict[str, dict[str, bytes]] = {}
    for kind, by_key in states.items():
        made[kind] = {}
        for key, state in by_key.items():
            new_key = plan.accounts.get(key, key)
            new_state = _renamed(state, kind, accounts, devices if new_key != key else {})
            changed += (new_key, new_state) != (key, state)
            made[kind][new_key] = new_state
    if changed:
        write_states(lake, path, made)
    return changed


def _renamed(state: bytes, kind: str, accounts: Mapping[int, int], devices: Mapping[int, int]) -> bytes:
    """A state with other hashes; records of all kinds have one size, and 64 bits do not meet by chance."""
    layout = ACCOUNT if kind == ACCOUNT.kind else COUNTERPARTY
    records = np.frombuffer(state, dtype=layout.event).copy()
    events = records[len(records) - int(records[:1].view(layout.header)["events"][0]) :]
    for old, new in accounts.items():
        events["other"][events["other"] == old] = new
    if layout is ACCOUNT:
        for old, new in devices.items():
            events["device"][events["device"] == old] = new
    return records.tobytes()


def _hashes(tokens: Mapping[str, str]) -> dict[int, int]:
    old, new = (stable_hash(pa.array(list(names), pa.string())) for names in (tokens, tokens.values()))
    return dict(zip(old.tolist(), new.tolist(), strict=True))


def _device_hashes(tokens: Mapping[str, str]) -> dict[int, int]:
    """As ``include.features.transactions`` has them."""
    return {max(old >> 32, 1): max(new >> 32, 1) for old, new in _hashes(tokens).items()}


def _in(column: pa.ChunkedArray, tokens: Mapping[str, str]) -> pa.ChunkedArray:
    return pc.is_in(column, pa.array(list(tokens), pa.string()))


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
