"""The secrets of one embedded installation: generated once, kept in a file only its owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path


def _token() -> str:
    return secrets.token_urlsafe(24)


def _fernet() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _webhook_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Generated secrets; never printed but for the users' passwords, which `make up` shows."""

    postgres: str = field(default_factory=_token, repr=False)
    fernet_key: str = field(default_factory=_fernet, repr=False)
    jwt_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    api_secret_key: str = field(default_factory=_token, repr=False)
    # What the mailbox's stand-ins for the vendors of messages ask for.
    twilio: str = field(default_factory=_token, repr=False)
    slack: str = field(default_factory=_token, repr=False)
    webhook: str = field(default_factory=_webhook_secret, repr=False)
    link_key: str = field(default_factory=_token, repr=False)
    metrics: str = field(default_factory=_token, repr=False)
    # Accounts of the secure profile, by server and part.
    kafka_broker: str = field(default_factory=_token, repr=False)
    kafka_admin: str = field(default_factory=_token, repr=False)
    kafka_bank: str = field(default_factory=_token, repr=False)
    kafka_pipeline: str = field(default_factory=_token, repr=False)
    kafka_desk: str = field(default_factory=_token, repr=False)
    kafka_reader: str = field(default_factory=_token, repr=False)
    cassandra_superuser: str = field(default_factory=_token, repr=False)
    cassandra_admin: str = field(default_factory=_token, repr=False)
    cassandra_pipeline: str = field(default_factory=_token, repr=False)
    cassandra_desk: str = field(default_factory=_token, repr=False)
    cassandra_reader: str = field(default_factory=_token, repr=False)
    spark: str = field(default_factory=_token, repr=False)
    smtp: str = field(default_factory=_token, repr=False)
    admin: str = field(default_factory=_token, repr=False)
    approver: str = field(default_factory=_token, repr=False)
    analyst: str = field(default_factory=_token, repr=False)
    viewer: str = field(default_factory=_token, repr=False)


def load_secrets(stack_dir: Path) -> Secrets:
    """The installation's secrets, generated at the first call."""
    path = stack_dir / "secrets.json"
    there = json.loads(path.read_text()) if path.exists() else {}
    made = Secrets(**there)  # a release may bring new ones
    if asdict(made) == there:
        return made
    stack_dir.mkdir(parents=True, exist_ok=True)
    new = stack_dir / f"secrets.{os.getpid()}.tmp"
    with os.fdopen(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(made), file)
    new.replace(path)
    return made
