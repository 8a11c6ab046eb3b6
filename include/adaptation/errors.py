"""What can go wrong with adaptation.

::

    AdaptationError
    ├── ReferenceRefused    a table is no reference for what comes after it
    ├── SummariesApart      summaries over different references cannot be added or compared
    └── StudyRefused        the data cannot carry the study
"""

from __future__ import annotations


class AdaptationError(Exception):
    """Anything this package raises."""


class ReferenceRefused(AdaptationError):
    """A table is no reference for what comes after it."""


class SummariesApart(AdaptationError):
    """Summaries over different references cannot be added or compared."""


class StudyRefused(AdaptationError):
    """The data cannot carry the study."""
