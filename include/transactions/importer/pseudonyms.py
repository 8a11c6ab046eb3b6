"""Keyed pseudonyms: the same person has the same token in every import with the same key, and no name."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pyarrow as pa

from include.transactions.errors import PseudonymKeyMissing

MINIMUM_KEY_BYTES = 16

_HOW_TO = (
    "make one with: python -c 'import secrets; print(secrets.token_hex(32))' > pseudonym.key"
    " (keep it secret and keep it: with another key the same account has another token)"
)


class Pseudonyms:
    """HMAC-SHA256 of an identifier, cut to 160 bits, as 32 characters of base32 after a letter.

    Accounts and customers are kept apart: the same identifier as account and as customer has two tokens.

    Parameters
    ----------
    key
        At least 16 bytes.

    Raises
    ------
    PseudonymKeyMissing
        The key is absent or too short.
    """

    def __init__(self, key: bytes | None) -> None:
        if not key or len(key) < MINIMUM_KEY_BYTES:
            found = "none" if not key else f"{len(key)} bytes"
            raise PseudonymKeyMissing(
                f"expected a key for pseudonyms, {MINIMUM_KEY_BYTES} bytes or more, found {found}; {_HOW_TO}"
            )
        self._key = key

    def account(self, identifier: str) -> str:
        """Token of an account, 33 characters."""
        return "P" + self._digest("account", identifier)

    def customer(self, identifier: str) -> str:
        """Token of a customer, 33 characters."""
        return "Q" + self._digest("customer", identifier)

    def device(self, identifier: str) -> str:
        """Token of a device, 33 characters."""
        return "R" + self._digest("device", identifier)

    def accounts(self, column: pa.StringArray) -> pa.StringArray:
        """Tokens of a column of accounts; nulls stay nulls."""
        encoded = column.dictionary_encode()
        tokens = [None if name is None else self.account(name) for name in encoded.dictionary.to_pylist()]
        return pa.array(tokens, pa.string()).take(encoded.indices)

    def customers(self, column: pa.StringArray) -> pa.StringArray:
        """Tokens of a column of customers; nulls stay nulls."""
        encoded = column.dictionary_encode()
        tokens = [None if name is None else self.customer(name) for name in encoded.dictionary.to_pylist()]
        return pa.array(tokens, pa.string()).take(encoded.indices)

    def _digest(self, purpose: str, identifier: str) -> str:
        message = f"{purpose}\x00{identifier}".encode()
        digest = hmac.digest(self._key, message, hashlib.sha256)
        return base64.b32encode(digest[:20]).decode()


def read_key(path: Path | None) -> bytes:
    """Read a key from a file, white space around it removed.

    Raises
    ------
    PseudonymKeyMissing
        No path was given, or there is no file.
    """
    if path is None or not path.is_file():
        found = "no key file" if path is None else f"no file at {path}"
        raise PseudonymKeyMissing(f"expected a file with the key for pseudonyms, found {found}; {_HOW_TO}")
    return path.read_bytes().strip()
