"""What can go wrong in governance.

::

    GovernanceError
    ├── ChangeRefused       a step that must not be; somebody has to do something first
    ├── RuleBookError       a set of rules cannot be used, or none has been published
    └── ListError           a change of the lists cannot be read
"""

from __future__ import annotations


class GovernanceError(Exception):
    """Anything this package raises."""


class ChangeRefused(GovernanceError):
    """A step that must not be taken as things are; trying again finds the same."""


class RuleBookError(GovernanceError):
    """A set of rules is missing, tampered with or broken."""


class ListError(GovernanceError):
    """A change of the lists is missing, tampered with or broken."""
