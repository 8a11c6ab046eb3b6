"""What can go wrong with an evaluation.

::

    EvaluationError
    ├── DatasetRefused   the file holds nothing that can be evaluated
    ├── FoldRefused      a fold lies outside the data, or has nothing to learn from or to find
    └── LeakFound        something knew a label before it could be known
"""

from __future__ import annotations


class EvaluationError(Exception):
    """Anything this package raises."""


class DatasetRefused(EvaluationError):
    """The file holds nothing that can be evaluated."""


class FoldRefused(EvaluationError):
    """A fold lies outside the data, or has nothing to learn from or to find."""


class LeakFound(EvaluationError):
    """Something knew a label before it could be known."""
