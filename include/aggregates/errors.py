"""Errors of the aggregates.

::

    AggregateError
    └── UnknownGrouping    a key or period there are no totals by
"""

from __future__ import annotations


class AggregateError(Exception):
    """Anything the aggregates raise."""


class UnknownGrouping(AggregateError):
    """Totals were asked for by something they are not made by."""
