"""Which identifier a pseudonym stands for: kept apart from everything else, sealed with a key of its own.

One SQLite file that only its owner can read. A token is plain, its identifier is encrypted (Fernet: AES-128-CBC with
HMAC-SHA-256), so whoever gets the file without the key learns nothing; and whoever has the key of the pseudonyms
alone can only try identifiers one by one.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from include.privacy.errors import LookupUnavailable, UnknownToken

_WAIT_SECONDS = 30.0
_AT_ONCE = 500


class TokenLookup:
    """Tokens and their sealed identifiers. Several processes may write; the same token again changes nothing.

    Parameters
    ----------
    path
        Of the file; made when it is first written, with its folder.
    key
        A Fernet key: 32 bytes in URL-safe base64.

    Raises
    ------
    LookupUnavailable
        The key is none.
    """

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        try:
            self._fernet = Fernet(key.encode())
        except ValueError as error:
            raise LookupUnavailable(
                "expected TIDEWATCH_LOOKUP_KEY to be a Fernet key, got something else; make one with: python -c "
                "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())', and keep it"
            ) from error

    def remember(self, identifiers: Mapping[str, str]) -> None:
        """Keep token → identifier; on disk when it returns.

        Raises
        ------
        LookupUnavailable
            The file cannot be written: nothing may be sent under these tokens, as nobody could resolve them.
        """
        rows = [(token, self._fernet.encrypt(name.encode())) for token, name in identifiers.items()]
        with self._open() as file:
            file.executemany("INSERT OR IGNORE INTO tokens (token, sealed) VALUES (?, ?)", rows)

    def known(self, tokens: Iterable[str]) -> set[str]:
        """Which of these are tokens that were given out."""
        wanted, found = list(dict.fromkeys(tokens)), set()
        if not self._path.exists():
            return set()
        with self._open() as file:
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                marks = ", ".join("?" for _ in some)
                query = f"SELECT token FROM tokens WHERE token IN ({marks})"  # noqa: S608 (marks only)
                found |= {row[0] for row in file.execute(query, some)}
        return found

    def resolve(self, token: str) -> str:
        """The identifier behind a token.

        Raises
        ------
        UnknownToken
            It was not given out here.
        LookupUnavailable
            It was sealed with another key, or the file was damaged.
        """
        row = None
        if self._path.exists():
            with self._open() as file:
                row = file.execute("SELECT sealed FROM tokens WHERE token = ?", (token,)).fetchone()
        if row is None:
            raise UnknownToken(
                f"expected a token of {self._path.name}, got one it does not have: check the spelling"
            )
        try:
            return self._fernet.decrypt(row[0]).decode()
        except InvalidToken as error:
            raise LookupUnavailable(
                f"expected an identifier in {self._path.name} sealed with this TIDEWATCH_LOOKUP_KEY, got one of "
                "another key, or a damaged one; use the key that was set when the token was given out"
            ) from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            file = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
            try:
                file.execute("PRAGMA synchronous = FULL")
                file.execute(
                    "CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, sealed BLOB) WITHOUT ROWID"
                )
                with file:
                    yield file
            finally:
                file.close()
        except (OSError, sqlite3.Error) as error:
            raise LookupUnavailable(
                f"expected to read and write the look-up {self._path}, got {error}; check the folder's rights and the "
                "disk, or set TIDEWATCH_LOOKUP_PATH"
            ) from error
