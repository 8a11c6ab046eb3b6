"""The pseudonymiser as the settings want it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from include.privacy.lookup import TokenLookup
from include.privacy.pseudonymising import Pseudonymiser
from include.settings import Settings, settings


def token_lookup(now: Settings) -> TokenLookup:
    """The look-up of an installation.

    Raises
    ------
    LookupUnavailable
        There is no key, or another than a Fernet key.
    """
    return TokenLookup(now.lookup_path, now.lookup_key.get_secret_value())


def pseudonymiser() -> Pseudonymiser | None:
    """What replaces identifiers; None if the option is off. One object a process."""
    now = settings()
    if not now.pseudonyms:
        return None
    return _made(now.pseudonym_key.get_secret_value(), now.lookup_path, now.lookup_key.get_secret_value())


@lru_cache(maxsize=2)
def _made(key: str, path: Path, lookup_key: str) -> Pseudonymiser:
    return Pseudonymiser(key.encode(), TokenLookup(path, lookup_key))
