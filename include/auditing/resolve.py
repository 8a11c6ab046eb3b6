"""``make resolve``: who stands behind a token; first it goes into the audit trail who wanted to know, and why."""

from __future__ import annotations

import argparse
import getpass
import sys
import uuid
from collections.abc import Sequence

from rich.console import Console

from include.governance.audit_errors import AuditError
from include.pipeline.desk_audit import DeskAudit
from include.privacy.errors import PrivacyError
from include.privacy.settings import token_lookup
from include.settings import settings
from include.stores.lake.files import Lake


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the token was resolved; 2 if not, 1 if it could not be recorded: then nothing is shown."""
    parser = argparse.ArgumentParser(prog="python -m include.auditing.resolve", description=__doc__)
    parser.add_argument("token")
    parser.add_argument("--reason", required=True, help="e.g. the number of the case; goes on record")
    options = parser.parse_args(arguments)
    console, now = Console(stderr=True), settings()
    if not options.reason.strip():
        parser.error("expected a reason, got none")
    try:
        # Asked first: a name that is no token of ours has no place in the trail, it may be anything.
        identifier = token_lookup(now).resolve(options.token)
    except PrivacyError as error:
        console.print(f"error: {error}", markup=False, highlight=False)
        return 2
    content = {"reason": options.reason.strip()}
    key = f"resolved:{uuid.uuid4()}"  # each time anew: to look twice is two looks
    try:
        DeskAudit(Lake(now.lake)).note(
            "pseudonym resolved", getpass.getuser(), f"token {options.token}", content, key
        )
    except (AuditError, OSError) as error:
        console.print(f"error: nothing is shown, as it cannot be recorded: {error}", markup=False)
        return 1
    sys.stdout.write(identifier + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
