"""Mail on disk: one file a message, in the manner of a Maildir.

A message is written to ``tmp/``, flushed to the disk and then linked into ``new/`` under the hash of
its Message-ID. The link is atomic and fails when the name is taken: so a message is there whole or not
at all, and a second copy of a Message-ID cannot come in, not even after a restart.
"""

from __future__ import annotations

import bisect
import hashlib
import os
import re
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import compat32
from pathlib import Path

_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, order=True)
class StoredMail:
    """Where a message is and when it came; ordered by its arrival."""

    received_ns: int  # nanoseconds since the epoch
    key: str  # name of the file, without ".eml"

    @property
    def received_at(self) -> datetime:
        """When the message came, UTC."""
        return datetime.fromtimestamp(self.received_ns / 1e9, UTC)


class MailStore:
    """Durable store of messages that drops repetitions; safe to use from several threads.

    Parameters
    ----------
    directory
        Made if it is not there. One process at a time.
    """

    def __init__(self, directory: Path) -> None:
        self._new = directory / "new"
        self._tmp = directory / "tmp"
        for folder in (self._new, self._tmp):
            folder.mkdir(parents=True, exist_ok=True)
        for leftover in self._tmp.iterdir():  # of a process that was killed; never acknowledged
            leftover.unlink()
        self._suppressed_file = directory / "suppressed.log"
        self._suppressed = self._suppressed_so_far()
        self._lock = threading.Lock()
        self._mails = sorted(
            StoredMail(entry.stat().st_mtime_ns, entry.name.removesuffix(".eml"))
            for entry in os.scandir(self._new)
        )

    def deliver(self, content: bytes) -> bool:
        """Take a message over.

        Returns
        -------
        bool
            True when it is on the disk, False when a message with its Message-ID already was.
        """
        message_id = _message_id(content)
        # A message without an id cannot be recognised again, so it is never a repetition.
        key = hashlib.sha256((message_id or uuid.uuid4().hex).encode()).hexdigest()[:32]
        target = self._new / f"{key}.eml"
        if target.exists():
            _sync_directory(self._new)  # the first copy may be on its way to the disk in another thread
            self._suppress(message_id)
            return False
        written = self._tmp / f"{key}.{uuid.uuid4().hex}"
        received_ns = time.time_ns()
        try:
            with written.open("wb") as file:
                file.write(content)
                file.flush()
                os.utime(file.fileno(), ns=(received_ns, received_ns))
                os.fsync(file.fileno())
            os.link(written, target)
        except FileExistsError:
            self._suppress(message_id)
            return False
        finally:
            written.unlink(missing_ok=True)
        _sync_directory(self._new)
        with self._lock:
            bisect.insort(self._mails, StoredMail(received_ns, key))
        return True

    def count(self) -> int:
        """Messages kept."""
        with self._lock:
            return len(self._mails)

    def suppressed(self) -> int:
        """Repetitions dropped, since the directory was made."""
        with self._lock:
            return self._suppressed

    def newest(self, limit: int, offset: int = 0) -> list[StoredMail]:
        """Messages, newest first."""
        with self._lock:
            end = len(self._mails) - offset
            return self._mails[max(0, end - limit) : max(0, end)][::-1]

    def read(self, key: str) -> bytes | None:
        """The bytes of a message, or None if there is none of that key."""
        # The key may come from a URL: nothing but a file of ours may be named by it.
        if _KEY.fullmatch(key) is None:
            return None
        try:
            return (self._new / f"{key}.eml").read_bytes()
        except FileNotFoundError:
            return None

    def find(self, key: str) -> StoredMail | None:
        """When a message came, or None if there is none of that key."""
        if _KEY.fullmatch(key) is None:
            return None
        try:
            return StoredMail((self._new / f"{key}.eml").stat().st_mtime_ns, key)
        except FileNotFoundError:
            return None

    def _suppress(self, message_id: str) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._lock:
            self._suppressed += 1
            with self._suppressed_file.open("a", encoding="utf-8") as file:
                file.write(f"{moment} {message_id}\n")

    def _suppressed_so_far(self) -> int:
        try:
            return self._suppressed_file.read_bytes().count(b"\n")
        except FileNotFoundError:
            return 0


def _message_id(content: bytes) -> str:
    """The Message-ID on one line, or nothing."""
    headers = BytesHeaderParser(policy=compat32).parsebytes(content)
    return " ".join(str(headers.get("Message-ID", "")).split())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
