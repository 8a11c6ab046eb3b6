"""Errors of the features package.

::

    FeatureError
    ├── FeatureInputError   the batch lacks a column, or a column holds nulls or values out of range
    ├── StateFormatError    a stored state was not written by this version of the code
    └── ParityBroken        what live scoring used is not what the log gives
"""


class FeatureError(Exception):
    """Root of everything this package raises on purpose."""


class FeatureInputError(FeatureError):
    """The table given is not a batch of transactions."""


class StateFormatError(FeatureError):
    """The bytes of a state cannot be read."""


class ParityBroken(FeatureError):
    """What live scoring used is not what the same code computes from the log."""
