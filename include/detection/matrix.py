"""A table of features as the array the detectors read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from include.detection.errors import ScoringError

Floats = npt.NDArray[np.float64]

#: Larger magnitudes are cut to this: XGBoost refuses infinity, and its 32-bit floats end at 3.4e38.
LARGEST = 1e30


def feature_matrix(features: Any, names: Sequence[str]) -> Floats:
    """Lay out feature columns as rows.

    Parameters
    ----------
    features
        ``pyarrow.Table`` of n rows; null and NaN both mean "not applicable".
    names
        The f columns to take, in the order of the model.

    Returns
    -------
    ndarray
        Shape (n, f), float64, C order; magnitudes cut to ``LARGEST``, "not applicable" is NaN.

    Raises
    ------
    ScoringError
        A column is missing.
    """
    present = set(features.column_names)
    missing = [name for name in names if name not in present]
    if missing:
        raise ScoringError(
            f"expected the {len(names)} features of the model, missing: {', '.join(missing)}; "
            "compute the features with the release the model was trained for, or train again"
        )
    matrix = np.empty((features.num_rows, len(names)), dtype=np.float64)
    for column, name in enumerate(names):
        matrix[:, column] = features[name].to_numpy()
    return np.clip(matrix, -LARGEST, LARGEST, out=matrix)
