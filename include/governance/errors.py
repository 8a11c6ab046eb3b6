"""What can go wrong in governance.

::

    GovernanceError
    ├── ChangeRefused       a step that must not be; somebody has to do something first
    ├── BacktestDiffers     the live set, replayed, decides otherwise than it did
    ├── RuleBookError       a set of rules cannot be used, or none has been published
    └── ListError           a change of the lists cannot be read
"""

from __future__ import annotations


class GovernanceError(Exception):
    """Anything this package raises."""


class ChangeRefused(GovernanceError):
    """A step that must not be taken as things are; trying again finds the same."""


class BacktestDiffers(GovernanceError):
    """The past cannot be reproduced: what was stored, or the code that decides, has changed."""


class RuleBookError(GovernanceError):
    """A set of rules is missing, tampered with or broken."""


class ListError(GovernanceError):
    """A change of the lists is missing, tampered with or broken."""
