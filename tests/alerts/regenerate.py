"""The golden mails, and the command that writes them anew: ``python -m tests.alerts.regenerate``.

Look at the difference before you commit it: these are the mails that people get.
"""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from pathlib import Path

from include.alerts.alert import Alert, Severity
from include.alerts.message import Message
from include.alerts.rendering import Renderer
from tests.alerts.examples import ACCOUNT, MERCHANT, alert, delivery

FOLDER = Path(__file__).parents[1] / "golden" / "mails"

_ALERTS: dict[str, Alert] = {
    "takeover": alert(),
    "structuring": alert(
        2,
        amount=Decimal("9850"),
        currency="USD",
        transaction_type="DEPOSIT",
        channel="BRANCH",
        country="DE",
        severity=Severity.MEDIUM,
        typology="structuring",
        score=math.nan,
        rule_hits=("deposits_below_threshold", "velocity_24h"),
        reasons=("5 deposits between 9,000 and 10,000 in 7 days", "<b>markup</b> & quotes stay text"),
        model_version="",
    ),
    "anomaly": alert(
        3,
        transaction_id=f"T-{ACCOUNT}-3",
        amount=Decimal("1234567.8915"),
        severity=Severity.CRITICAL,
        typology="unknown",
        rule_hits=(),
        reasons=(),
    ),
    "numbers": alert(
        4,
        transaction_type="TRANSFER",
        channel="MOBILE",
        typology="impossible_travel",
        reasons=(
            f"first transfer from {ACCOUNT} to {MERCHANT}",
            "DE89 3704 0044 0532 0130 00 was in PT an hour ago",
        ),
    ),
}
_STAFF_ONLY = {"structuring"}


def golden_mails() -> dict[str, str]:
    """Every golden file's name and what belongs in it."""
    files: dict[str, str] = {}
    for case, about in _ALERTS.items():
        for audience in ("staff",) if case in _STAFF_ONLY else ("staff", "customer"):
            for language in ("en", "de"):
                name = f"{case}.{audience}.{language}"
                recipient = "fraud-desk@example.com" if audience == "staff" else "customer+C-77@example.com"
                message = Renderer().render(
                    about, delivery(about, recipient=recipient, audience=audience, language=language)
                )
                files[f"{name}.txt"] = _with_headers(message)
                files[f"{name}.html"] = message.html
    return files


def _with_headers(message: Message) -> str:
    headers = f"To: {message.recipient}\nSubject: {message.subject}\nMessage-ID: {message.message_id}\n"
    return f"{headers}\n{message.text}"


def main() -> None:
    """Write the golden files, and remove those no case asks for."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = golden_mails()
    for stale in {path.name for path in FOLDER.iterdir()} - set(files):
        (FOLDER / stale).unlink()
    for name, text in files.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(files)} files in {FOLDER.name}/\n")


if __name__ == "__main__":
    main()
