"""Runs the mailbox until it gets SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import logging
import signal
import ssl
import sys
import threading
from pathlib import Path

from include.local.mailbox.server import HOST, Mailbox
from include.local.mailbox.smtp import Login
from include.local.mailbox.vendors import Credentials
from include.local.secrets import load_secrets


def main(arguments: list[str] | None = None) -> int:
    """Run the mailbox; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m include.local.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, default=1025, help="default: %(default)s")
    parser.add_argument("--http-port", type=int, default=8025, help="default: %(default)s")
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(".local/mailbox"),
        help="where mail is kept; default: %(default)s",
    )
    parser.add_argument(
        "--secrets",
        type=Path,
        help="folder of the installation's secrets: switches on the stand-ins for SMS, Slack and webhooks",
    )
    parser.add_argument(
        "--user", help="senders of mail must encrypt and log in: as this user, with SECRETS' password"
    )
    parser.add_argument("--certificate", type=Path, help="PEM, for --user")
    parser.add_argument("--key", type=Path, help="PEM, for --user")
    options = parser.parse_args(arguments)
    if options.user and not (options.certificate and options.key and options.secrets):
        parser.error("expected --certificate, --key and --secrets with --user")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd's: a line for every command

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        mailbox = Mailbox(
            options.directory,
            options.smtp_port,
            options.http_port,
            _credentials(options.secrets),
            _login(options.user, options.secrets, options.certificate, options.key),
        )
    except OSError as error:
        sys.stderr.write(
            f"mailbox: expected free ports {options.smtp_port} and {options.http_port} and a writable "
            f"{options.directory}, got: {error}; stop what uses them or choose others\n"
        )
        return 1
    with mailbox:
        sys.stdout.write(
            f"mailbox: SMTP on {HOST}:{mailbox.smtp_port}, http://{HOST}:{mailbox.http_port}/, "
            f"{mailbox.store.count()} messages\n"
        )
        sys.stdout.flush()
        stopped.wait()
    return 0


def _login(user: str | None, folder: Path | None, certificate: Path, key: Path) -> Login | None:
    if user is None or folder is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return Login(user, load_secrets(folder).smtp, context)


def _credentials(folder: Path | None) -> Credentials | None:
    if folder is None:
        return None
    secrets = load_secrets(folder)
    return Credentials(secrets.twilio, secrets.slack, secrets.webhook)


if __name__ == "__main__":
    sys.exit(main())
