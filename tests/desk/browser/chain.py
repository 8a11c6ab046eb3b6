"""The running chain from outside: transactions in through Kafka; alerts, labels, deliveries, messages out."""

from __future__ import annotations

import json
import urllib.request
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from include.alerts.alert import Alert, alert_id_for
from include.alerts.contacts import Customer
from include.alerts.delivery import Delivery
from include.cases.case import Status
from include.settings import HOST, Settings
from include.stores.cassandra.alerts import CassandraAlertStore
from include.stores.cassandra.cases import CassandraHandlingStore
from include.stores.cassandra.customers import CassandraCustomerStore
from include.stores.cassandra.outbox import CassandraOutboxStore
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage
from include.transactions.label_records import read_labels
from include.transactions.offsets import TopicOffsets
from tests.conftest import KafkaServer
from tests.desk.browser.waiting import until

#: Enough of a past that the rules on what is unusual for an account apply (account_count_30d >= 10).
PAST = 14
CUSTOMER = "C-BROWSER-TEST"
PHONE, MAIL = "+351912345678", "browser-test@customers.example"


@dataclass(frozen=True)
class Chain:
    """A running stack, as banks, customers and programs know it."""

    settings: Settings
    kafka: KafkaServer
    session: Any  # of Cassandra

    def send(self, *events: dict[str, Any]) -> None:
        """Send transactions."""
        records = [(str(event["account_id"]).encode(), json.dumps(event).encode()) for event in events]
        self.kafka.send(self.settings.topics.transactions, records)

    def open_accounts(self, *purposes: str) -> dict[str, str]:
        """A new account for each purpose, with a quiet past; returns once that is scored.

        All are of one customer, who can be reached at any hour.
        """
        accounts = {purpose: f"BROWSER-{purpose.upper()}-{_mark()}" for purpose in purposes}
        self.give_past(*accounts.values())
        return accounts

    def give_past(self, *accounts: str) -> None:
        """A quiet past for accounts; returns once it is scored."""
        CassandraCustomerStore(self.session).put([_customer()])
        before = self._totals().get("accepted", 0)
        self.send(*(event for account in accounts for event in _past(account)))
        wanted = before + PAST * len(accounts)
        until(f"{wanted} accepted transactions", lambda: self._totals().get("accepted", 0) >= wanted, 180)
        newest = self._ledger.cursor(Stage.ACCEPTED).next_batch
        until(
            "the past of the accounts to be scored",
            lambda: self._ledger.cursor(Stage.SCORED).next_batch >= newest,
            120,
        )

    def rob(self, account: str, **changes: Any) -> str:
        """A large payment at an online shop nobody knows, which raises an alert; returns its id."""
        event = payment(account, amount="4870.00", channel="ONLINE", counterparty_id=f"SHOP-{_mark()}")
        event |= changes
        self.send(event)
        return str(event["transaction_id"])

    def alert_of(self, transaction_id: str) -> Alert:
        """The alert of a transaction, once it is there and what becomes of it is decided."""
        alert_id = alert_id_for(transaction_id)
        store, handlings = CassandraAlertStore(self.session), CassandraHandlingStore(self.session)
        until(f"the alert of {transaction_id}", lambda: handlings.handlings([alert_id]), 120)
        return store.get_many([alert_id])[alert_id]

    def status_of(self, alert_id: uuid.UUID) -> Status:
        """What was decided when the alert was raised."""
        return CassandraHandlingStore(self.session).handlings([alert_id])[alert_id].status

    def is_alerted(self, alert: Alert) -> bool:
        """Whether the batch of an alert is through alerting, deliveries and all."""
        return self._ledger.cursor(Stage.ALERTED).next_batch > alert.batch_id

    def deliveries_of(self, alert_id: uuid.UUID) -> list[Delivery]:
        """Deliveries of an alert."""
        return CassandraOutboxStore(self.session).of_alert(alert_id)

    def labels_of(self, transaction_id: str) -> list[dict[str, Any]]:
        """Labels of a transaction, consumed from their topic."""
        config = {"bootstrap.servers": self.kafka.bootstrap}
        with TopicOffsets(config, self.settings.topics.labels) as offsets:
            records = list(read_labels(config, self.settings.topics.labels, {}, offsets.ends()))
        documents = [json.loads(record.value) for record in records if record.value is not None]
        return [one for one in documents if one["transaction_id"] == transaction_id]

    def is_stored(self, transaction_id: str) -> bool:
        """Whether a transaction has been accepted and loaded."""
        from include.stores.cassandra.queries import transaction

        return transaction(self.session, transaction_id) is not None

    def messages_to(self, recipient: str) -> list[str]:
        """Texts of the messages somebody has got, newest first."""
        listed = json.loads(self._mailbox("/api/messages?limit=1000"))["messages"]
        keys = [one["key"] for one in listed if recipient in one["recipient"]]
        raw = (self._mailbox(f"/message/{key}/raw").encode() for key in keys)
        return [_text(message_from_bytes(one, policy=default)) for one in raw]

    def messages_of(self, alert_id: uuid.UUID) -> list[dict[str, str]]:
        """Messages about an alert."""
        listed = json.loads(self._mailbox("/api/messages?limit=1000"))["messages"]
        return [one for one in listed if one["alert_id"] == str(alert_id)]

    def _mailbox(self, path: str) -> str:
        with urllib.request.urlopen(
            f"http://{HOST}:{self.settings.ports.mailbox}{path}", timeout=10
        ) as answer:
            return str(answer.read().decode())

    @property
    def _ledger(self) -> BatchLedger:
        return BatchLedger(Lake(self.settings.lake))

    def _totals(self) -> dict[str, int]:
        return dict(self._ledger.cursor(Stage.ACCEPTED).totals)


def _text(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    return "" if part is None else str(part.get_content())


def _mark() -> str:
    return uuid.uuid4().hex[:10]


def payment(account: str, **changes: Any) -> dict[str, Any]:
    """A card payment as any other, now."""
    return {
        "transaction_id": f"T-{_mark()}",
        "account_id": account,
        "counterparty_id": "MERCHANT-USUAL",
        "amount": "21.50",
        "currency": "EUR",
        "transaction_type": "CARD_PAYMENT",
        "channel": "POS",
        "country": "PT",
        "occurred_at": datetime.now(UTC).isoformat(),
        "device_id": f"device of {account}"[:64],
        "customer_id": CUSTOMER,
        **changes,
    }


def _past(account: str) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    return [
        payment(
            account, amount=f"{18 + place}.50", occurred_at=(now - timedelta(days=PAST - place)).isoformat()
        )
        for place in range(PAST)
    ]


def _customer() -> Customer:
    return Customer(
        customer_id=CUSTOMER,
        segment="private",
        language="en",
        email=MAIL,
        phone=PHONE,
        consent_email=True,
        consent_sms=True,
        quiet_from=None,
        quiet_until=None,
        timezone="Europe/Lisbon",
        updated_at=datetime.now(UTC),
    )
