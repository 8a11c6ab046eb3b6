"""Serves the desk over invented alerts, to look at it: ``python -m tests.desk.serve [port]``.

Nobody signs in here: everyone is the analyst ``anna``, or who ``TIDEWATCH_DESK_ROLE`` says.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request

from include.cases.case import Action, Deed, Worklist
from plugins.fraud_desk.access import Person, Role, reader
from plugins.fraud_desk.app import make_app
from plugins.fraud_desk.colleagues import colleagues
from plugins.fraud_desk.runs import starting
from tests.desk.bank import MemoryBank, invented

COLLEAGUES = frozenset({"anna", "bela"})


def filled(folder: Path, count: int = 160) -> MemoryBank:
    """A bank in which a few cases have been worked on."""
    bank = MemoryBank.at(folder)
    alerts, bank.past.transactions = invented(count)
    bank.raise_alerts(*alerts)
    now = datetime.now(UTC)
    actions: tuple[tuple[Action, dict[str, Any]], ...] = (
        (Action.ASSIGN, {"assignee": "anna"}),
        (Action.ASSIGN, {"assignee": "bela"}),
        (Action.ESCALATE, {"comment": "Large, and the customer cannot be reached."}),
        (Action.CONFIRM_FRAUD, {"comment": "Customer called: not theirs."}),
        (Action.DISMISS, {"comment": "On holiday, confirmed by phone."}),
        (Action.SNOOZE, {"comment": "Waits for the merchant.", "until": now + timedelta(hours=4)}),
    )
    for place, alert in enumerate(alerts[3::7]):
        casework = bank.stores().casework
        if casework.current([alert.alert_id])[alert.alert_id].status.worklist is Worklist.CLOSED:
            continue  # decided with the alert it was joined to
        action, more = actions[place % len(actions)]
        casework.act(alert.alert_id, Deed(action, "bela", now - timedelta(minutes=place), **more))
    return bank


def served(bank: MemoryBank, role: Role, name: str = "anna") -> FastAPI:
    """The desk below its prefix, for one person."""
    desk = make_app(bank)

    def somebody(request: Request) -> Person:
        person = Person(name, None, {one: one <= role for one in Role})
        request.state.person = replace(person)
        return person

    desk.dependency_overrides[reader] = somebody
    desk.dependency_overrides[colleagues] = lambda: COLLEAGUES
    desk.dependency_overrides[starting] = lambda: lambda dag_id: role >= Role.ANALYST  # Airflow is not asked
    app = FastAPI()
    app.mount("/fraud-desk", desk)
    return app


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        role = Role[os.environ.get("TIDEWATCH_DESK_ROLE", "APPROVER")]
        app = served(filled(Path(folder)), role)
        uvicorn.run(
            app, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8765, log_level="warning"
        )
