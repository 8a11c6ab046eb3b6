"""Where a customer can be reached; a bank plugs its customer directory in here."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Protocol

#: What may stand in the local part of an address as it is.
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,53}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Contact:
    """One recipient."""

    address: str
    language: str  # ISO 639-1


class ContactBook(Protocol):
    """The directory of customers."""

    def contact_of(self, customer_id: str) -> Contact | None:
        """Where this customer wants to be told, or None if that is unknown."""
        ...


class SimulatedContactBook:
    """Addresses for simulated customers: ``customer+<id>@example.com``, which nobody receives.

    Parameters
    ----------
    languages
        Languages in use; each customer keeps one of them, chosen by a hash of the id.
    """

    def __init__(self, languages: tuple[str, ...] = ("en", "de")) -> None:
        if not languages:
            raise ValueError("expected at least one language, got none; pass for example ('en',)")
        self._languages = languages

    def contact_of(self, customer_id: str) -> Contact | None:
        """Address and language of a simulated customer; an odd id is replaced by its hash."""
        digest = hashlib.sha256(customer_id.encode()).hexdigest()
        name = customer_id if _PLAIN.fullmatch(customer_id) else digest[:16]
        language = self._languages[int(digest[:8], 16) % len(self._languages)]
        return Contact(f"customer+{name}@example.com", language)
