"""Keeps a rule set at hand and up to date."""

from __future__ import annotations

import threading
from pathlib import Path

from include.rules.columns import Columns
from include.rules.errors import RuleProblem, RuleSetError
from include.rules.loader import load_rules, rule_files
from include.rules.ruleset import RuleSet

_Signature = tuple[tuple[str, int, int, int], ...]


class RuleSetLoader:
    """Reloads the rules of a directory when, and only when, one of its files changed.

    A broken edit does not stop the scoring: the last good set stays in use and ``problems`` tells
    what is wrong. Safe to share between threads.

    Parameters
    ----------
    directory, columns
        As for ``load_rules``.
    """

    def __init__(self, directory: Path, columns: Columns) -> None:
        self._directory = directory
        self._columns = columns
        self._lock = threading.Lock()
        self._signature: _Signature | None = None
        self._good: RuleSet | None = None
        self._problems: tuple[RuleProblem, ...] = ()

    @property
    def problems(self) -> tuple[RuleProblem, ...]:
        """What is wrong with the files as they are; empty if ``current`` gives just these."""
        return self._problems

    def current(self) -> RuleSet:
        """The rules as they are, or the last good ones if they are broken now.

        Raises
        ------
        RuleSetError
            The rules are broken and there was no good set before.
        """
        with self._lock:
            # Taken before loading: a file that changes meanwhile makes the next call load again.
            signature = self._signature_now()
            if signature != self._signature:
                try:
                    self._good, self._problems = load_rules(self._directory, self._columns), ()
                except RuleSetError as error:
                    self._problems = error.problems
                self._signature = signature
            if self._good is None:
                raise RuleSetError(self._problems)
            return self._good

    def _signature_now(self) -> _Signature:
        found = []
        for path in rule_files(self._directory):
            try:
                status = path.stat()
            except FileNotFoundError:  # removed since it was listed
                continue
            found.append((path.name, status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)
