"""What can go wrong with detection.

::

    DetectionError
    ├── TrainingRefused     the history handed to ``train`` cannot make a model
    ├── ModelRefused        a stored model is tampered with, incomplete, unsafe or incompatible
    ├── RegistryError       a version cannot be published, promoted or found
    └── ScoringError        transactions, features and model do not fit together
"""

from __future__ import annotations


class DetectionError(Exception):
    """Anything this package raises."""


class TrainingRefused(DetectionError):
    """The history handed to ``train`` cannot make a model."""


class ModelRefused(DetectionError):
    """A stored model is not loaded: tampered with, incomplete, unsafe or incompatible."""


class RegistryError(DetectionError):
    """A version cannot be published, promoted or found."""


class ScoringError(DetectionError):
    """Transactions, features and model do not fit together."""
