"""One HTTP exchange with a vendor."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True)
class Request:
    """What came in."""

    method: str
    path: tuple[str, ...]  # after the vendor's name
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in small letters
    body: bytes

    def form(self) -> dict[str, str]:
        """The body, as a form; the last of fields of the same name."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def basic(self) -> tuple[str, str] | None:
        """User and password of HTTP's Basic authentication."""
        kind, _, value = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        return user, password

    def bearer(self) -> str | None:
        """The bearer token."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" and token.strip() else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes out, as JSON."""

    status: int
    content: Mapping[str, Any] = field(default_factory=dict)
