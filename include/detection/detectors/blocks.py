"""Matrix products that give a row the same bits whatever batch it comes in.

BLAS chooses its kernel by the shape of the operands, so row 7 of a product of 1,000 rows and the same
row on its own differ in the last bits (seen with Nystroem: pieces of 1, 7 and 500 rows all differed).
Here every product has the same shape: blocks of ``ROWS`` rows, the last one filled up with zeros.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: A multiple of every register block BLAS uses, so no row is left over to an edge kernel.
ROWS = 256


def in_blocks(function: Callable[[Floats], Floats], features: Floats) -> Floats:
    """Apply ``function``, (``ROWS``, f) → (``ROWS``,), to blocks of rows: shape (n, f) → (n,)."""
    n = len(features)
    scores = np.empty(n, dtype=np.float64)
    for start in range(0, n, ROWS):
        block = features[start : start + ROWS]
        count = len(block)
        if count < ROWS:
            filled = np.zeros((ROWS, features.shape[1]), dtype=np.float64)
            filled[:count] = block
            block = filled
        scores[start : start + count] = function(np.ascontiguousarray(block))[:count]
    return scores


def squared_distances(block: Floats, points: Floats) -> Floats:
    """Squared Euclidean distances, never negative: shapes (``ROWS``, f) and (k, f) → (``ROWS``, k)."""
    squared = (block**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2.0 * (block @ points.T)
    return np.asarray(np.maximum(squared, 0.0))
