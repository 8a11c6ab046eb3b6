"""The golden mails, and the command that writes them anew: ``python -m tests.alerts.regenerate``.

Look at the difference before you commit it: these are the mails that people get.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from include.alerts.alert import Alert, Severity
from include.alerts.delivery import Delivery
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
_DESK = "https://desk.bank.example"
_PLAIN = Renderer()
_LINKED = Renderer(desk_url=_DESK, link_of=lambda *_: f"{_DESK}/answer/the-token-of-this-delivery")


def golden_mails() -> dict[str, str]:
    """Every golden file's name and what belongs in it."""
    files: dict[str, str] = {}
    for case, about in _ALERTS.items():
        for audience in ("staff",) if case in _STAFF_ONLY else ("staff", "customer"):
            files |= _files(case, audience, lambda to, about=about: _PLAIN.render(about, to))  # type: ignore[misc]
    takeover = _ALERTS["takeover"]
    for audience in ("staff", "customer", "escalation"):
        files |= _files("linked", audience, lambda to: _LINKED.render(takeover, to), data=True)
    storm = list(_ALERTS.values())
    return files | _files("storm", "digest", lambda to: _LINKED.render_digest(storm, to), data=True)


def _files(
    case: str, audience: str, render: Callable[[Delivery], Message], *, data: bool = False
) -> dict[str, str]:
    recipient = "customer+C-77@example.com" if audience == "customer" else "fraud-desk@example.com"
    about = _ALERTS.get(case, _ALERTS["takeover"])
    files = {}
    for language in ("en", "de"):
        message = render(delivery(about, recipient=recipient, audience=audience, language=language))
        stem = f"{case}.{audience}.{language}"
        files[f"{stem}.txt"] = _with_headers(message)
        files[f"{stem}.html"] = message.html
        files[f"{stem}.sms.txt"] = f"{message.short}\n"
        if data:
            files[f"{stem}.json"] = json.dumps(message.payload, ensure_ascii=False, indent=2) + "\n"
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
