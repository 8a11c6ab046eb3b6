"""What the project's code imports, and which installed distribution each module comes from."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from include.settings import PROJECT

FIRST_PARTY = frozenset({"dags", "plugins", "include"})


def deployed_files() -> Iterator[Path]:
    """Python files that run in the Airflow image."""
    for folder in sorted(FIRST_PARTY):
        for path in sorted((PROJECT / folder).rglob("*.py")):
            if (PROJECT / "include" / "local") not in path.parents:
                yield path


def third_party(path: Path) -> set[str]:
    """Full names of the modules a file imports from elsewhere, at whatever depth of the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    known = sys.stdlib_module_names | FIRST_PARTY
    return {name for name in names if name.partition(".")[0] not in known}


def closure(roots: Iterable[Requirement]) -> set[str]:
    """Names of the distributions that requirements bring along, as they are installed here."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(canonicalize_name(root.name), frozenset(root.extras)) for root in roots]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            environments = [{"extra": extra} for extra in extras or {""}]
            if needed.marker is None or any(needed.marker.evaluate(each) for each in environments):
                waiting.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    return {name for name, _ in seen}


def providers() -> dict[str, set[str]]:
    """Distributions that install each module, by its full name."""
    found: dict[str, set[str]] = {}
    for distribution in metadata.distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        for file in distribution.files or []:
            if file.suffix in {".py", ".so"} and ".." not in file.parts:
                parts = [*file.parts[:-1], file.name.split(".")[0]]
                module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found.setdefault(module, set()).add(name)
    return found
