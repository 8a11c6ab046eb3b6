"""Documents of the lake that are pages or files of their own: back-tests, alarms, reports.

They are written by jobs, yet hold what others wrote (names of counterparties, texts of rules). So they are served in
a sandbox: no script runs in them, nothing is loaded, and they share no origin with the desk.
"""

from __future__ import annotations

from fastapi import HTTPException, Response

from include.stores.lake.files import Lake

_SANDBOX = "; ".join(
    (
        "sandbox",
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "frame-ancestors 'self'",
        "base-uri 'none'",
    )
)
_TYPES = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "json": "application/json",
}


def document(lake: Lake, path: str, name: str) -> Response:
    """One file of the lake, 404 if there is none.

    Parameters
    ----------
    path
        Made by the route of parts it has checked, never what was asked for.
    name
        Under which a browser keeps it; pages are shown, the rest is kept.
    """
    kind = path.rsplit(".", 1)[-1]
    try:
        content = lake.read_bytes(path)
    except FileNotFoundError:
        raise HTTPException(404) from None
    shown = "inline" if kind == "html" else "attachment"
    headers = {
        "content-security-policy": _SANDBOX,
        "content-disposition": f'{shown}; filename="{name}.{kind}"',
    }
    return Response(content, media_type=_TYPES[kind], headers=headers)
