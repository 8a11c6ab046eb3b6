"""What can go wrong with the audit.

::

    AuditError
    ├── AuditCollision     two writers at the same chain; nothing was overwritten
    └── AuditBroken        the chain's end is not one that a record can follow
"""

from __future__ import annotations


class AuditError(Exception):
    """Anything the chains raise."""


class AuditCollision(AuditError):
    """Another writer appended to the chain in the same moment."""


class AuditBroken(AuditError):
    """The chain was changed in a way that leaves no end to append to, or a record that is asked for."""
