"""skops files with a pinned allow-list; never pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from include.detection.errors import ModelRefused

_FORMAT = 3  # 2: the Isolation Forest as an XGBoost model; 3: which columns are read


def write(path: Path, parts: dict[str, Any]) -> None:
    """Write named estimators and arrays to one skops file."""
    import skops.io  # not above: beside Airflow it takes seconds, and who only lists models never needs it

    path.write_bytes(skops.io.dumps({"format": _FORMAT, **parts}))


def read(path: Path, expected: dict[str, type], allowed: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Read what ``write`` wrote.

    Parameters
    ----------
    path
        The file.
    expected
        Name of each part → its exact class.
    allowed
        Types beyond those skops itself trusts; everything else in the file is refused unread.

    Raises
    ------
    ModelRefused
        The file is missing, is not skops, holds another type, or lacks a part.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    again = "train and publish the model again"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelRefused(f"expected a stored detector at {path.name}, got {error}; {again}") from error
    if not data.startswith(b"PK"):
        raise ModelRefused(
            f"{path.name}: expected a skops file, got something else (pickles are never read); {again}"
        )
    try:
        # It looks at every type before it makes anything; asking for the types first would read all of it twice.
        parts = skops.io.loads(data, trusted=sorted(allowed))
    except UntrustedTypesFoundException as refused:
        raise ModelRefused(
            f"{path.name}: expected only types on the allow-list, got others: {refused}; "
            "do not use this file, find out who wrote it"
        ) from refused
    except Exception as error:  # a broken file can fail anywhere inside skops, zipfile, json or numpy
        raise ModelRefused(f"{path.name}: expected a readable skops file, got {error!r}; {again}") from error
    if not isinstance(parts, dict) or parts.get("format") != _FORMAT:
        raise ModelRefused(f"{path.name}: expected format {_FORMAT} of a stored detector; {again}")
    for name, kind in expected.items():
        if type(parts.get(name)) is not kind:
            raise ModelRefused(
                f"{path.name}: expected {name} to be a {kind.__name__}, "
                f"got {type(parts.get(name)).__name__}; {again}"
            )
    return parts
