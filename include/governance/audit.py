"""The audit trail: one file an action, numbered, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from include.stores.lake.files import Lake

_FOLDER = "audit/actions"


def record_action(lake: Lake, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> None:
    """Append one action to the trail.

    Parameters
    ----------
    actor
        Who did it: a user's name, or the name of a DAG that acts by itself.
    action
        What was done, e.g. ``rule.live``.
    subject
        To what, e.g. the rule's id.
    detail
        Whatever shows what it was about; JSON.
    """
    numbers = [int(name[:-5]) for name in lake.names(_FOLDER) if name[:-5].isdigit()]
    document = {
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": dict(detail),
        "at": datetime.now(UTC).isoformat(),
    }
    lake.write_json(f"{_FOLDER}/{max(numbers, default=0) + 1:08d}.json", document)
