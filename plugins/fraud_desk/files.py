"""Style, scripts and icons: only the files that are there, and only for people of the desk.

Not a ``StaticFiles`` mount, because dependencies of a router do not reach into a mount.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

router = APIRouter()


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file."""

    content: bytes
    media_type: str
    etag: str


@cache
def static_files() -> dict[str, StaticFile]:
    """Files by name, read once a process."""
    return {
        path.name: StaticFile(
            content := path.read_bytes(), _TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        )
        for path in sorted(_FOLDER.iterdir())
        if path.suffix in _TYPES
    }


@router.get("/static/{name}")
def static_file(name: str, request: Request) -> Response:
    """A file; a browser that has it is told so."""
    found = static_files().get(name)
    if found is None:
        raise HTTPException(404)
    return served(found, request)


def served(found: StaticFile, request: Request) -> Response:
    """The answer with a file, or that nothing has changed."""
    headers = {"etag": found.etag, "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)
