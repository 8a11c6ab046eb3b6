"""What every detector promises; ``tests/contracts/test_detectors.py`` holds them to it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]


class Detector(Protocol):
    """A model that says how suspicious a transaction is.

    A row's score depends on that row alone, to the last bit: scoring a batch in pieces gives what
    scoring it at once gives. NaN means "not applicable" and is dealt with inside. Inputs are never
    changed. The same data and seed give the same scores.
    """

    name: ClassVar[str]

    def fit(self, features: Floats, labels: Labels | None, seed: int) -> None:
        """Learn from history.

        Parameters
        ----------
        features
            Shape (n, f), oldest row first.
        labels
            Shape (n,), true for known fraud; None when unknown.
        seed
            Of everything random in the fit.
        """
        ...

    def score(self, features: Floats) -> Floats:
        """Suspicion of each row: shape (n, f) → (n,), higher = more suspicious, always finite."""
        ...

    def save(self, directory: Path) -> None:
        """Write the fitted detector to a file named after it in ``directory``."""
        ...

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read what ``save`` wrote.

        Raises
        ------
        ModelRefused
            The file is not a model of this detector, or holds a type that is not on the allow-list.
        """
        ...


class AnomalyDetector(Detector, Protocol):
    """A detector that needs no labels, and may leave features aside."""

    def __init__(self, *, unread: npt.NDArray[np.bool_] | None = None) -> None: ...

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        """Which of the f features it reads, once fitted."""
        ...
