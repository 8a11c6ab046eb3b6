"""The answers to the question whether a change may go live."""

from __future__ import annotations

APPROVE = "Approve"
