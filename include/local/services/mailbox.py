"""The mailbox that stands in for the bank's mail server: SMTP in, a page to read it."""

from __future__ import annotations

import sys

from include.local.services.base import Service


class Mailbox(Service):
    """Local SMTP server with a reader."""

    name = "mailbox"

    @property
    def ports(self) -> dict[str, int]:  # noqa: D102
        return {"smtp": self.settings.ports.smtp, "mailbox": self.settings.ports.mailbox}

    def command(self) -> list[str]:  # noqa: D102
        return [
            sys.executable, "-m", "include.local.mailbox",
            "--smtp-port", str(self.settings.ports.smtp),
            "--http-port", str(self.settings.ports.mailbox),
            "--directory", str(self.folder / "mail"),
        ]  # fmt: skip
