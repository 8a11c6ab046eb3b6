"""What can go wrong with rules.

::

    RulesError
    ├── RuleSetError        a directory of rules cannot be used; carries every RuleProblem found in it
    └── RuleTableError      the table to evaluate lacks a column, or has one of another type
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class RuleProblem:
    """One thing wrong with one rule file.

    ``message`` says what was expected, what came and what to do next.
    """

    path: Path
    line: int  # 1-based
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class RulesError(Exception):
    """Anything this package raises."""


class RuleSetError(RulesError):
    """A directory of rules cannot be used.

    Attributes
    ----------
    problems
        Every problem of every file, by file and line.
    """

    def __init__(self, problems: Iterable[RuleProblem]) -> None:
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{count} problem{'' if count == 1 else 's'} with the rules:\n{lines}")

    def __reduce__(self) -> tuple[type[RuleSetError], tuple[tuple[RuleProblem, ...]]]:
        """Survive the pickling between worker processes."""
        return type(self), (self.problems,)


class RuleTableError(RulesError):
    """The table handed to ``RuleSet.evaluate`` is not one the rules were checked for."""
