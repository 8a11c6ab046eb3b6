"""What people do on the fraud desk, on record in a chain of its own.

The desk runs in several processes, and jobs write beside it, so this chain has more than one writer: who collides
with another tries again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from include.governance.audit import AuditChain, AuditCollision, AuditRecord
from include.stores.lake.files import Lake

#: Chain of what people did on the desk.
DESK = "desk"

_TRIES = 12
_PAUSE_SECONDS = 0.05


def record_desk_action(
    lake: Lake, actor: str, action: str, subject: str, detail: Mapping[str, Any], *, key: str
) -> AuditRecord:
    """Record what somebody did; the same under the same key again is recorded once.

    Parameters
    ----------
    actor
        The user's name.
    action, subject
        What, to what: ``dead_letter.resent``, ``0:17``.

    Raises
    ------
    AuditCollision
        Others were faster again and again.
    AuditBroken
        The chain has no end to append to.
    """
    chain = AuditChain(lake, DESK)
    for left in reversed(range(_TRIES)):
        try:
            return chain.append(key=key, kind=action, actor=actor, subject=subject, content=detail)
        except AuditCollision:
            if not left:
                raise
            time.sleep(_PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 (no secret)
    raise AssertionError("the last try returns or raises")
