"""Changes come from our own pages only.

The session is a cookie and there is no token in the forms, so a page elsewhere must not be able to have a
browser post here. Two fences stand already: the cookie is ``SameSite=Lax``, and bodies are JSON. This is the
third: the browser says where a request comes from, in ``Sec-Fetch-Site`` and ``Origin``, and no page can
forge that. A request with a bearer token is no browser's doing on its own and needs neither.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.configuration import conf
from fastapi import Request

_SAFE = frozenset({"GET", "HEAD"})


class ForeignOrigin(Exception):
    """The request was not sent by a page of this server."""


def own_origin(request: Request) -> None:
    """Refuse a change that another site's page may have sent.

    Raises
    ------
    ForeignOrigin
        ``Origin`` or ``Sec-Fetch-Site`` name another site, or there is neither of them.
    """
    if request.method in _SAFE or _has_token(request):
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        raise ForeignOrigin("expected the header Origin or Sec-Fetch-Site, got neither")
    if site not in (None, "same-origin"):
        raise ForeignOrigin(f"expected a request of this site, got one of {site!r}")
    if origin is not None and urlsplit(origin).netloc not in _own_hosts(request):
        raise ForeignOrigin(f"expected an origin of {request.headers.get('host')}, got {origin[:100]!r}")


def asked_here(request: Request) -> None:
    """Refuse a file that another site's page asks for: it is a GET, but it goes on record as a person's doing.

    Typed addresses and bookmarks pass, and what does not say where it comes from: no browser of today.

    Raises
    ------
    ForeignOrigin
        ``Sec-Fetch-Site`` names another site.
    """
    site = request.headers.get("sec-fetch-site")
    if not _has_token(request) and site not in (None, "none", "same-origin"):
        raise ForeignOrigin(f"expected to be asked by a page of this site, was by one of {site!r}")


def _has_token(request: Request) -> bool:
    return request.headers.get("authorization", "").lower().startswith("bearer ")


def _own_hosts(request: Request) -> set[str]:
    """The host the browser named, and the one Airflow is known by: they differ behind a proxy."""
    base = urlsplit(conf.get("api", "base_url", fallback="") or "").netloc
    return {host for host in (request.headers.get("host"), base) if host}
