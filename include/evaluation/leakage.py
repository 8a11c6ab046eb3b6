"""Proof that features know nothing of labels inside the delay.

The labels that could not be known by a moment are turned round, honest to fraud and back, and every
feature of every transaction before that moment is computed again. A feature that changes knew them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.evaluation.dataset import LabelledData
from include.evaluation.errors import LeakFound
from include.evaluation.experiment import Featurise

#: Transactions looked at, those of some counterparties with their whole past.
_ROWS = 40_000


def audit(data: LabelledData, featurise: Featurise, moments: int = 2, seed: int = 0) -> None:
    """Turn unknown labels round and see that nothing before the moment changes.

    Parameters
    ----------
    data
        Whole history; a sample of its counterparties is looked at.
    featurise
        What is under suspicion.
    moments
        How many moments to try, drawn from the second half of the history.

    Raises
    ------
    LeakFound
        A feature changed; the message names it.
    """
    rng = np.random.default_rng(seed)
    data = _sample(data, rng)
    before = featurise(data.transactions, data.labels())
    middle = int(np.median(data.time))
    for moment in rng.integers(middle, int(data.time.max()), moments).tolist():
        unknown = data.time > moment - data.delay
        after = featurise(data.transactions, turned(data, unknown).labels())
        _compare(before, after, np.flatnonzero(data.time <= moment), moment)


def turned(data: LabelledData, which: np.ndarray) -> LabelledData:
    """The data with the truth of some rows turned round."""
    at = data.truth.column_names.index("is_fraud")
    truth = data.truth.set_column(at, "is_fraud", pa.array(data.fraud ^ which))
    return replace(data, truth=truth)


def _sample(data: LabelledData, rng: np.random.Generator) -> LabelledData:
    column = data.transactions["counterparty_id"].combine_chunks()
    names = pc.unique(column)
    share = min(1.0, _ROWS / max(len(column), 1))
    chosen = names.take(pa.array(np.flatnonzero(rng.random(len(names)) <= share)))
    rows = pc.is_in(column, value_set=chosen)
    return LabelledData(data.transactions.filter(rows), data.truth.filter(rows), data.delay)


def _compare(before: pa.Table, after: pa.Table, rows: np.ndarray, moment: int) -> None:
    for name in before.column_names:
        one, two = before[name].to_numpy()[rows], after[name].to_numpy()[rows]
        changed = ~((one == two) | (np.isnan(one) & np.isnan(two)))
        if changed.any():
            raise LeakFound(
                f"expected {name} to know no label younger than the delay on {np.datetime64(moment, 'us')}, but "
                f"{int(changed.sum())} of {len(rows)} values change with labels known only later; "
                "it may use a label from labelled_at on, never from occurred_at"
            )
