"""Errors of the lake that say more than that a file cannot be read or written."""

from __future__ import annotations


class ForeignLake(Exception):
    """The lake belongs to another installation."""
