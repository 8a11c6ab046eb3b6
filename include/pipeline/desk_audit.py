"""What people do at the fraud desk, in an audit chain of its own.

Its writers are the API server's threads and the sweep: they may meet, which the chain notices, and then take
turns. Tasks that govern rules and models write another chain, so that nobody at the desk makes them wait.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from include.alerts.alert import Alert
from include.cases.case import CaseEvent
from include.cases.suppressions import Suppression
from include.governance.audit import AuditChain, AuditCollision, AuditRecord
from include.stores.lake.files import Lake

#: Name of the chain.
DESK = "desk"
_TRIES = 20
_PAUSE_S = 0.02


class DeskAudit:
    """Writes the chain of the desk."""

    def __init__(self, lake: Lake) -> None:
        self._chain = AuditChain(lake, DESK)

    def event(self, event: CaseEvent, alert: Alert) -> AuditRecord:
        """Note what was done to a case; the same event again is recorded once."""
        deed, case = event.deed, event.case
        content = {
            "number": case.version,
            "status": case.status.value,
            "assignee": case.assignee,
            "comment": deed.comment,
            "until": deed.until,
            "transaction_id": alert.transaction_id,
            "at": deed.at,
        }
        key = f"case:{case.alert_id}:{case.version}"
        return self.note(f"case {deed.action.value}", deed.actor, f"alert {case.alert_id}", content, key)

    def suppression(self, suppression: Suppression) -> AuditRecord:
        """Note that somebody suppressed something, or lifted that."""
        one = suppression
        content = {"scope": one.scope.value, "value": one.value, "reason": one.reason, "until": one.until}
        action, actor = ("lifted", one.lifted_by) if one.lifted_by else ("created", one.author)
        key = f"suppression:{one.suppression_id}:{action}"
        return self.note(f"suppression {action}", actor, f"suppression {one.suppression_id}", content, key)

    def note(
        self, action: str, actor: str, subject: str, content: Mapping[str, Any], key: str
    ) -> AuditRecord:
        """Note anything else; the same content under the same key is recorded once.

        Raises
        ------
        AuditCollision
            So many others write that no turn came; nothing was recorded.
        """
        for left in reversed(range(_TRIES)):
            try:
                return self._chain.append(key=key, kind=action, actor=actor, subject=subject, content=content)
            except AuditCollision:
                if not left:
                    raise
                time.sleep(_PAUSE_S)
        raise AssertionError("the last try returns or raises")
