"""Errors of the features package.

::

    FeatureError
    ├── FeatureInputError   the batch lacks a column, or a column holds nulls or values out of range
    └── StateFormatError    a stored state was not written by this version of the code
"""


class FeatureError(Exception):
    """Root of everything this package raises on purpose."""


class FeatureInputError(FeatureError):
    """The table given is not a batch of transactions."""


class StateFormatError(FeatureError):
    """The bytes of a state cannot be read."""
