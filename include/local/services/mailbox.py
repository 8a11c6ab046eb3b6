"""The mailbox that stands in for the bank's mail server and vendors: SMTP and HTTP in, a page to read it."""

from __future__ import annotations

import sys

from include.local.certificates import Certificates
from include.local.clients import SMTP_USER
from include.local.secrets import load_secrets
from include.local.services.base import Service


class Mailbox(Service):
    """Local SMTP server with a reader."""

    name = "mailbox"

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {"smtp": self.settings.ports.smtp, "mailbox": self.settings.ports.mailbox}

    def prepare(self) -> None:  # noqa: D102
        super().prepare()
        load_secrets(self.settings.stack_dir)  # made here, once, and not by two processes at a time

    def command(self) -> list[str]:  # noqa: D102
        files = Certificates(self.settings.stack_dir).of("mailbox")
        login = ["--user", SMTP_USER, "--certificate", str(files.certificate), "--key", str(files.key)]
        return [
            sys.executable, "-m", "include.local.mailbox",
            "--smtp-port", str(self.settings.ports.smtp),
            "--http-port", str(self.settings.ports.mailbox),
            "--directory", str(self.folder / "mail"),
            "--secrets", str(self.settings.stack_dir),
            *(login if self.settings.is_secure else []),
        ]  # fmt: skip
