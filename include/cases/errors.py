"""What can go wrong while working on cases.

::

    CasesError
    ├── ActionRefused      the action does not fit the case, or is incomplete; says what would
    ├── CaseChanged        somebody else was faster; look again, then decide
    ├── NoSuchAlert        there is no alert of this id
    ├── QueryRefused       the queue cannot be asked this
    └── LinkRefused        a customer's link is forged, expired or used
"""

from __future__ import annotations


class CasesError(Exception):
    """Base of every error of this package."""


class ActionRefused(CasesError):
    """The action does not fit the case as it is, or lacks something."""


class CaseChanged(CasesError):
    """The case is no longer what the caller saw."""


class NoSuchAlert(CasesError):
    """No alert has this id."""


class QueryRefused(CasesError):
    """A filter, an order or a cursor that the queue does not know."""


class LinkRefused(CasesError):
    """A customer's link that is not to be followed.

    Parameters
    ----------
    reason
        ``forged``, ``expired``, ``used`` or ``unknown``.
    """

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason
