"""The comment header of a rule file: ``-- key: value`` lines before the expression."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from include.alerts.alert import Severity
from include.rules.errors import RuleProblem
from include.rules.rule import Action, Typology

REQUIRED = ("id", "title", "typology", "severity", "owner", "version", "action")
OPTIONAL = ("description", "reason")

_ENTRY = re.compile(r"--\s*([A-Za-z_]+)\s*:\s*(.*)")
_CONTINUATION = re.compile(r"--\s{3,}(\S.*)")
#: What an id may be; it is also the name of a file.
RULE_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")
#: A column named in ``reason``.
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_CHOICES: dict[str, type[StrEnum]] = {"severity": Severity, "typology": Typology, "action": Action}


@dataclass(frozen=True, slots=True)
class Header:
    """What stands above the expression, and where."""

    values: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    placeholders: tuple[str, ...] = ()  # the names in braces in ``reason``


def split_header(path: Path, text: str) -> tuple[Header, str, list[RuleProblem]]:
    """Split a rule file into header and expression.

    Parameters
    ----------
    path
        For the problems' sake.
    text
        The whole file. A header line that starts with three blanks or more after ``--`` continues the
        entry above it.

    Returns
    -------
    tuple
        The header, the expression with an empty line for each header line (so that line numbers are the
        file's), and the problems found.
    """
    header = Header()
    problems: list[RuleProblem] = []
    lines = text.split("\n")
    last: str | None = None
    end = len(lines)
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("--"):
            end = number - 1
            break
        continuation = _CONTINUATION.fullmatch(stripped)
        entry = _ENTRY.fullmatch(stripped)
        if continuation and last is not None:
            header.values[last] = f"{header.values[last]} {continuation.group(1)}".strip()
        elif entry:
            last = entry.group(1).lower()
            if last in header.values:
                problems.append(
                    RuleProblem(
                        path, number, f"expected {last!r} once, it stands here again; remove one of the two"
                    )
                )
            header.values[last] = entry.group(2).strip()
            header.lines[last] = number
        elif stripped.strip("-"):
            problems.append(
                RuleProblem(
                    path,
                    number,
                    f"expected a header line `-- key: value`, got {stripped!r}; "
                    "put remarks under `-- description:`, continued with three blanks after `--`",
                )
            )
    placeholders = tuple(dict.fromkeys(PLACEHOLDER.findall(header.values.get("reason", ""))))
    header = Header(header.values, header.lines, placeholders)
    problems.extend(_check(path, header))
    return header, "\n" * end + "\n".join(lines[end:]), problems


def _check(path: Path, header: Header) -> Iterator[RuleProblem]:
    known = (*REQUIRED, *OPTIONAL)
    for key, line in header.lines.items():
        if key not in known:
            guess = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {guess[0]!r}?" if guess else "; remove the line or correct the key"
            yield RuleProblem(path, line, f"expected one of {', '.join(known)}, got {key!r}{hint}")
    for key in REQUIRED:
        if not header.values.get(key):
            yield RuleProblem(
                path,
                header.lines.get(key, 1),
                f"expected a header line `-- {key}: ...`, found none with a value; add it",
            )
    for key, choices in _CHOICES.items():
        value = header.values.get(key)
        if value and value not in list(choices):
            guess = difflib.get_close_matches(value, [str(choice) for choice in choices], n=1)
            hint = f"; did you mean {guess[0]}?" if guess else "; choose one of these"
            yield RuleProblem(
                path,
                header.lines[key],
                f"expected {key} to be one of {', '.join(choices)}, got {value!r}{hint}",
            )
    rule_id = header.values.get("id")
    if rule_id and (rule_id != path.stem or not RULE_ID.fullmatch(rule_id)):
        yield RuleProblem(
            path,
            header.lines["id"],
            f"expected the id to be the file's name {path.stem!r} in lower case letters, digits and _, "
            f"got {rule_id!r}; rename one of the two",
        )
    version = header.values.get("version")
    if version and not (version.isascii() and version.isdigit() and int(version) > 0):
        yield RuleProblem(
            path,
            header.lines["version"],
            f"expected version to be a whole number from 1, got {version!r}; count up with each change",
        )
    leftover = PLACEHOLDER.sub("", header.values.get("reason", ""))
    if "{" in leftover or "}" in leftover:
        yield RuleProblem(
            path,
            header.lines["reason"],
            "expected {column} placeholders in reason, got a lone brace; close it or remove it",
        )
