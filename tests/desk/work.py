"""What the tests of the pages of work share: the desk for one person, a box of dead letters without Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI
from fastapi.testclient import TestClient

from include.pipeline.desk_audit import DeskAudit
from include.stores.memory.resent import MemoryResentStore
from include.transactions.dead_letter import DeadLetter, Place
from include.transactions.dead_letter_box import Page
from include.transactions.resending import Resender
from plugins.fraud_desk.access import Role
from plugins.fraud_desk.resending import Resending
from plugins.fraud_desk.runs import starting
from tests.desk.bank import MemoryBank
from tests.desk.serve import served

HERE = {"origin": "http://testserver"}


@dataclass
class MemoryBox:
    """Dead letters in a list, the newest last; one partition."""

    letters: list[DeadLetter] = field(default_factory=list)

    def page(
        self,
        limit: int,
        before: Mapping[int, int] | None = None,
        wanted: Callable[[DeadLetter], bool] = lambda letter: True,
        look_at: int = 5_000,
    ) -> Page:
        stop = min(len(self.letters), (before or {}).get(0, len(self.letters)))
        found, at = [], stop
        for at in range(stop - 1, max(-1, stop - 1 - look_at), -1):
            if wanted(self.letters[at]):
                found.append(self.letters[at])
            if len(found) == limit:
                break
        return Page(tuple(found), {0: at} if at > 0 and stop > 0 else None, stop - at)

    def get(self, place: Place) -> DeadLetter | None:
        return next((one for one in self.letters if one.place == place), None)

    def refuse(self, value: bytes | None, *reasons: str, topic: str = "transactions") -> Place:
        place, now = Place(0, len(self.letters)), datetime.now(UTC)
        dead = DeadLetter(place, now, b"A1", value, reasons, topic, Place(2, 9), now, 4)
        self.letters.append(dead)
        return place


@dataclass
class Work:
    """The desk over a bank in memory, for people of every role."""

    bank: MemoryBank
    box: MemoryBox = field(default_factory=MemoryBox)
    store: MemoryResentStore = field(default_factory=MemoryResentStore)
    topic: list[tuple[bytes, bytes]] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    startable: set[str] = field(default_factory=lambda: {"backtest_rules", "change_rule", "build_reports"})

    @property
    def resender(self) -> Resender:
        audit = DeskAudit(self.bank.lake)
        return Resender(
            self.store,
            "transactions",
            lambda key, value: self.topic.append((key, value)),
            lambda ids: dict.fromkeys(set(ids) & self.accepted),
            lambda letter, resent: audit.note(
                "dead letter resent", resent.by, f"dead letter {letter.place}", {}, f"resent:{letter.place}"
            ),
            timedelta(days=30),
        )

    def app(self, role: Role, name: str = "anna") -> FastAPI:
        app = served(self.bank, role, name)
        (desk,) = [route.app for route in app.routes if getattr(route, "path", "") == "/fraud-desk"]  # type: ignore[attr-defined]
        desk.state.resending = lambda: Resending(self.box, self.resender)
        desk.dependency_overrides[starting] = lambda: self.startable.__contains__
        return app

    def client(self, role: Role, name: str = "anna") -> TestClient:
        """Somebody's browser, at the desk."""
        address = "http://testserver/fraud-desk"
        return TestClient(self.app(role, name), base_url=address, headers=HERE, follow_redirects=False)

    def deeds(self) -> list[tuple[str, str, str]]:
        """Who did what to what, as the audit chain has it."""
        chain = DeskAudit(self.bank.lake)._chain
        return [(record.actor, record.kind, record.subject) for record in chain.records()]


def event(**changes: object) -> bytes:
    """A transaction of an hour ago that keeps the contract, but for the changes; None takes a field away."""
    fields = {
        "transaction_id": "T1",
        "account_id": "A1",
        "counterparty_id": "C1",
        "amount": "12.50",
        "currency": "EUR",
        "transaction_type": "TRANSFER",
        "channel": "ONLINE",
        "country": "DE",
        "occurred_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
    }
    whole = {name: value for name, value in (fields | changes).items() if value is not None}
    return json.dumps(whole).encode()
