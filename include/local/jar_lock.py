"""Which jars the embedded servers run: ``jars.lock`` has the SHA-256 of each, and is asked at every start.

After a version was changed ``python -m include.local.jar_lock`` writes it anew from what was fetched, and shows what
is other than before: look at that before it is committed.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from include.local.errors import JarsChanged
from include.settings import PROJECT, settings

LOCK = PROJECT / "jars.lock"
_TOLD = 5


def check(folder: Path, lock: Path = LOCK) -> None:
    """Refuse a bundle that is not, jar by jar, the one of the lock.

    Parameters
    ----------
    folder
        Of the bundle; its name is the bundle's.

    Raises
    ------
    JarsChanged
        A jar is missing, or nobody knows it, or has another content.
    """
    wanted, found = read(lock).get(folder.name, {}), digests(folder)
    if wrong := _differing(wanted, found):
        more = f" and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        told = "; ".join(
            f"{name}: expected {wanted.get(name, 'no such jar')}, got {found.get(name, 'none')}"
            for name in wrong[:_TOLD]
        )
        raise JarsChanged(
            f"expected the jars of {folder.name} that {lock.name} lists, got others: {told}{more}. Nothing of them is "
            "run. Find out who changed them: the repository, a proxy, Ivy's cache (~/.ivy2/cache, to be deleted) "
            "or you, who then lock a new version with `python -m include.local.jar_lock`"
        )


def holds(folder: Path, lock: Path = LOCK) -> bool:
    """Whether a bundle is the one of the lock."""
    return digests(folder) == read(lock).get(folder.name, {})


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each jar of a folder, hexadecimal, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.jar"))}


def read(lock: Path = LOCK) -> dict[str, dict[str, str]]:
    """Digests of the lock, by bundle and jar."""
    found: dict[str, dict[str, str]] = {}
    for line in lock.read_text().splitlines():
        digest, _, path = line.partition("  ")
        bundle, _, name = path.partition("/")
        found.setdefault(bundle, {})[name] = digest
    return found


def write(bundles: Mapping[str, Mapping[str, str]], lock: Path = LOCK) -> None:
    """Write a lock, in the format that ``sha256sum --check`` understands."""
    lines = [
        f"{digest}  {bundle}/{name}\n"
        for bundle, jars in sorted(bundles.items())
        for name, digest in sorted(jars.items())
    ]
    lock.write_text("".join(lines))


def main() -> int:
    """Lock what was fetched, and show what changes; bundles that are not there stay as they were."""
    before = read() if LOCK.exists() else {}
    there = {folder.name: digests(folder) for folder in settings().jars_dir.iterdir() if folder.is_dir()}
    write(before | {name: jars for name, jars in there.items() if jars})
    after = read()
    for bundle in sorted({*before, *after}):
        was, now = before.get(bundle, {}), after.get(bundle, {})
        for name in _differing(was, now):
            print(f"{bundle}/{name}: {was.get(name, 'new')} -> {now.get(name, 'gone')}")
    print(f"{LOCK.name}: {sum(map(len, after.values()))} jars of {len(after)} bundles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
