"""Scoring in the shadow: what challengers would have said of the transactions that were scored live.

They read the features that live scoring used, so both models judge the same rows. What they say is recorded in
pieces, one file a run and model, and acted on by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.adaptation.comparison import Comparison, compare
from include.detection.bundle import ModelBundle
from include.detection.matrix import feature_matrix
from include.detection.registry import ModelRegistry
from include.pipeline.known_labels import labels_until, verdicts
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder, partition_key

FOLDER = "shadow"

#: A piece ends after so many rows; it is what a run keeps in memory.
_ROWS = 100_000


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
            path = f"{batch_folder(Stage.SCORED, batch)}/data.parquet"
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
    theirs = {
        row: score
        for part in _pieces(lake, champion, since_batch)
        for row, score in zip(part["transaction_id"].to_pylist(), part["score"].to_pylist(), strict=True)
    }
    ids, mine, live = [], [], []
    for part in ours:
        names = part["transaction_id"].to_pylist()
        decided = part["decided_by"].to_pylist()
        scores = [
            score if by == champion else theirs.get(name)
            for name, by, score in zip(names, decided, part["live_score"].to_pylist(), strict=True)
        ]
        kept = np.array([score is not None for score in scores], dtype=bool)
        ids += [name for name, keep in zip(names, kept, strict=True) if keep]
        mine.append(part["score"].to_numpy()[kept])
        live.append(np.array([score for score in scores if score is not None], dtype=np.float64))
    fraud = _frauds(lake, since_batch)
    flags = np.array([name in fraud for name in ids], dtype=bool)
    none = np.zeros(0)
    return compare(flags, np.concatenate(live or [none]), np.concatenate(mine or [none]), budget, min_frauds)


_READ = ("transaction_id", "features", "score", "model_version")


def judge(scored: pa.Table, bundle: ModelBundle) -> pa.Table:
    """What a model says of scored transactions, beside what was said of them live."""
    features = scored["features"].combine_chunks()
    names = [features.type.field(at).name for at in range(features.type.num_fields)]
    matrix = feature_matrix(pa.table([features.field(name) for name in names], names=names), bundle.features)
    return pa.table(
        {
            "transaction_id": scored["transaction_id"],
            "score": pa.array(bundle.calibration.probability(bundle.booster.score(matrix))),
            "live_score": scored["score"],
            "decided_by": scored["model_version"],
        }
    )


def _position(version: str) -> str:
    """Where it is kept how far a model has come."""
    return f"{FOLDER}/{version}/position.json"


def _next_batch(lake: Lake, version: str, since_batch: int) -> int:
    position = lake.read_json(_position(version))
    return since_batch if position is None else max(since_batch, int(position["next_batch"]))


def _pieces(lake: Lake, version: str, since_batch: int) -> list[pa.Table]:
    return list(_read_pieces(lake, version, since_batch))


def _read_pieces(lake: Lake, version: str, since_batch: int) -> Iterator[pa.Table]:
    for name in lake.names(f"{FOLDER}/{version}"):
        if name.startswith("from=") and int(name[5:15]) >= since_batch:
            yield lake.read_table(f"{FOLDER}/{version}/{name}")


def _frauds(lake: Lake, since_batch: int) -> set[str]:
    """Transactions of batches from ``since_batch`` on that are known to be fraud."""
    manifest = BatchLedger(lake).manifest(Stage.SCORED, since_batch) or {}
    told = verdicts(lake, manifest.get("labels_until", 0), labels_until(lake))
    told = told.filter(pc.greater_equal(told["batch"], since_batch))
    newest = dict(zip(told["transaction_id"].to_pylist(), told["is_fraud"].to_pylist(), strict=True))
    return {name for name, is_fraud in newest.items() if is_fraud}
