"""Values the reference has never seen: a new currency, a channel that was renamed."""

from __future__ import annotations

from collections.abc import Mapping


def unseen(known: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """Values of a column that are new, with their rows, the most frequent first."""
    new = {value: rows for value, rows in now.items() if value not in known}
    return dict(sorted(new.items(), key=lambda item: (-item[1], item[0])))
