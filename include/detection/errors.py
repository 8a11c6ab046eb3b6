"""What can go wrong with detection.

::

    DetectionError
    ├── TrainingRefused     the history handed to ``train`` cannot make a model
    ├── ModelRefused        a stored model is tampered with, incomplete, unsafe or incompatible
    ├── RegistryError       a version cannot be published, promoted or found
    │   └── PromotionRefused    the model in use must not be replaced now
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


class PromotionRefused(RegistryError):
    """The model in use must not be replaced now: what has to hold for that does not."""


class ScoringError(DetectionError):
    """Transactions, features and model do not fit together."""
