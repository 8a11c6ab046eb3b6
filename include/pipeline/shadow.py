"""Scoring in the shadow: what challengers would have said of the transactions that were scored live.

They read the features that live scoring used, so both models judge the same rows. What they say is recorded in
pieces, one file a run and model, and acted on by nobody.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.adaptation.comparison import Comparison, compare
from include.detection.bundle import ModelBundle
from include.detection.matrix import feature_matrix
from include.detection.registry import ModelRegistry
from include.detection.scored import features_of
from include.pipeline.known_labels import labels_until, newest_verdicts, verdicts
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, partition_key, scored_file

FOLDER = "shadow"

#: A piece ends after so many rows; it is what a run keeps in memory.
_ROWS = 100_000
#: A comparison takes about so many of the newest rows: it has to fit into memory.
_COMPARED_ROWS = 3_000_000

_SCHEMA = pa.schema(
    [
        pa.field("transaction_id", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("live_score", pa.float64()),
        pa.field("decided_by", pa.string()),
    ]
)


def score_in_shadow(lake: Lake, registry: ModelRegistry, version: str, since_batch: int) -> int:
    """Score what has been scored live since the last time; returns how many transactions.

    Idempotent: a piece that was cut off before its position is written again under the same name.

    Parameters
    ----------
    since_batch
        Where to begin if this model has not been in the shadow before.
    """
    stop = BatchLedger(lake).cursor(Stage.SCORED).next_batch
    start, done, bundle = _next_batch(lake, version, since_batch), 0, None
    while start < stop:
        bundle = bundle or registry.load(version)
        tables, rows, batch = [], 0, start
        while batch < stop and rows < _ROWS:
            path = scored_file(batch)
            if lake.exists(path):
                tables.append(judge(lake.read_table(path, _READ), bundle))
                rows += tables[-1].num_rows
            batch += 1
        if tables:
            lake.write_table(
                f"{FOLDER}/{version}/from={partition_key(start)}.parquet", pa.concat_tables(tables)
            )
        lake.write_json(_position(version), {"next_batch": batch})
        start, done = batch, done + rows
    return done


def compared(
    lake: Lake, version: str, champion: str, since_batch: int, budget: float, min_frauds: int
) -> Comparison:
    """A model in the shadow against the champion, on the transactions since a batch, by the labels known now.

    The champion's scores are those of live scoring; where a candidate decided in its place, those the champion
    gave in the shadow, and rows with neither are left out.
    """
    ours = _pieces(lake, version, since_batch)
    theirs = _pieces(lake, champion, since_batch)
    at = pc.index_in(ours["transaction_id"], value_set=theirs["transaction_id"])
    shadowed = theirs["score"].take(at)
    live = pc.if_else(pc.equal(ours["decided_by"], champion), ours["live_score"], shadowed)
    kept = pc.is_valid(live)
    ours, live = ours.filter(kept), live.filter(kept)
    fraud = pc.is_in(ours["transaction_id"], value_set=_frauds(lake, since_batch))
    return compare(
        np.asarray(fraud.to_numpy(zero_copy_only=False), dtype=bool),
        np.asarray(live.to_numpy(zero_copy_only=False), dtype=np.float64),
        np.asarray(ours["score"].to_numpy(zero_copy_only=False), dtype=np.float64),
        budget,
        min_frauds,
    )


_READ = ("transaction_id", "features", "score", "model_version")


def judge(scored: pa.Table, bundle: ModelBundle) -> pa.Table:
    """What a model says of scored transactions, beside what was said of them live."""
    score = bundle.probability(feature_matrix(features_of(scored), bundle.features))
    columns = [scored["transaction_id"], pa.array(score), scored["score"], scored["model_version"]]
    return pa.table(columns, schema=_SCHEMA)


def _position(version: str) -> str:
    """Where it is kept how far a model has come."""
    return f"{FOLDER}/{version}/position.json"


def _next_batch(lake: Lake, version: str, since_batch: int) -> int:
    position = lake.read_json(_position(version))
    return since_batch if position is None else max(since_batch, int(position["next_batch"]))


def _pieces(lake: Lake, version: str, since_batch: int) -> pa.Table:
    """What a model said in the shadow, the newest pieces first, as many as a comparison takes."""
    parts, rows = [_SCHEMA.empty_table()], 0
    for name in reversed(lake.names(f"{FOLDER}/{version}")):
        if rows >= _COMPARED_ROWS:
            break
        if name.startswith("from=") and int(name[5:15]) >= since_batch:
            parts.append(lake.read_table(f"{FOLDER}/{version}/{name}"))
            rows += parts[-1].num_rows
    return pa.concat_tables(parts).combine_chunks()


def _frauds(lake: Lake, since_batch: int) -> pa.Array:
    """Transactions of batches from ``since_batch`` on that are known to be fraud."""
    manifest = BatchLedger(lake).manifest(Stage.SCORED, since_batch) or {}
    told = verdicts(lake, manifest.get("labels_until", 0), labels_until(lake))
    told = told.filter(pc.greater_equal(told["batch"], since_batch))
    return pa.array([name for name, is_fraud in newest_verdicts(told).items() if is_fraud], pa.string())
