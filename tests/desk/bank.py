"""A bank in memory for the desk: stores without servers, and invented alerts to look at."""

from __future__ import annotations

import random
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from include.alerts.alert import Alert, Severity, alert_id_for
from include.cases.casework import Casework
from include.cases.customer_answer import AnswerLinks, CustomerAnswers
from include.cases.intake import Intake
from include.pipeline.desk_audit import DeskAudit
from include.stores.cassandra.errors import CassandraStoreError
from include.stores.cassandra.records import StoredTransaction, Totals
from include.stores.lake.files import Lake
from include.stores.memory.alerting import MemoryAlertStore, MemoryOutboxStore
from include.stores.memory.cases import (
    MemoryCaseStore,
    MemoryHandlingStore,
    MemoryQueueStore,
    MemorySuppressionStore,
)
from include.stores.memory.customers import MemoryCustomerStore
from include.stores.memory.labels import MemoryLabelStore
from include.transactions.labels import LabelEvent
from plugins.fraud_desk.bank import Stores

LINK_KEY = "a key that is long enough for tests"


@dataclass
class MemoryPast:
    """Transactions in a list."""

    transactions: list[StoredTransaction] = field(default_factory=list)

    def history(
        self, account_id: str, since: datetime, until: datetime, limit: int
    ) -> list[StoredTransaction]:
        found = [
            one
            for one in self.transactions
            if one.account_id == account_id and since <= one.occurred_at < until
        ]
        return sorted(found, key=lambda one: one.occurred_at, reverse=True)[:limit]

    def running_total(self, kind: str, key: str) -> Totals | None:
        mine = [one for one in self.transactions if getattr(one, f"{kind}_id") == key]
        return _totals(key, None, mine) if mine else None

    def daily_totals(self, kind: str, key: str, since: datetime, until: datetime) -> list[Totals]:
        days: dict[datetime, list[StoredTransaction]] = defaultdict(list)
        for one in self.transactions:
            if getattr(one, f"{kind}_id") == key and since <= one.occurred_at < until:
                days[one.occurred_at.replace(hour=0, minute=0, second=0, microsecond=0)].append(one)
        return [_totals(key, day, of_day) for day, of_day in sorted(days.items())]

    def transaction(self, transaction_id: str) -> StoredTransaction | None:
        return next((one for one in self.transactions if one.transaction_id == transaction_id), None)


def _totals(key: str, start: datetime | None, of: Sequence[StoredTransaction]) -> Totals:
    amounts = [one.amount for one in of]
    return Totals(key, start, len(of), sum(amounts, Decimal()), max(amounts))


@dataclass
class MemoryBank:
    """``Bank`` without servers; ``failure`` is what a store that is away raises."""

    lake: Lake
    past: MemoryPast = field(default_factory=MemoryPast)
    labels: list[LabelEvent] = field(default_factory=list)
    failure: CassandraStoreError | None = None
    ends: dict[int, int] | None = field(default_factory=lambda: {0: 12})
    oldest: datetime | None = None  # the broker's time of the oldest record that no batch has
    _stores: Stores | None = None

    @classmethod
    def at(cls, folder: Path) -> MemoryBank:
        """A bank whose lake is a folder."""
        return cls(Lake(folder.as_uri()))

    def stores(self) -> Stores:
        if self.failure is not None:
            raise self.failure
        if self._stores is None:
            alerts, cases, handlings = MemoryAlertStore(), MemoryCaseStore(), MemoryHandlingStore()
            queue, audit = MemoryQueueStore(), DeskAudit(self.lake)
            casework = Casework(alerts, cases, handlings, queue, self.labels.extend, audit.event)
            self._stores = Stores(
                alerts=alerts,
                cases=cases,
                handlings=handlings,
                queue=queue,
                suppressions=MemorySuppressionStore(),
                labels=MemoryLabelStore(),
                outbox=MemoryOutboxStore(),
                past=self.past,
                casework=casework,
                audit=audit,
                customers=MemoryCustomerStore(),
                answers=CustomerAnswers(
                    AnswerLinks([LINK_KEY], "http://testserver/fraud-desk/answer"), casework
                ),
            )
        return self._stores

    def end_offsets(self) -> dict[int, int] | None:
        return self.ends

    def failed_tasks(self, since: datetime) -> Mapping[tuple[str, str], int]:
        return {("score_transactions", "tried_again"): 2, ("train_models", "given_up"): 1}

    def oldest_arrival(self, places: Mapping[int, int]) -> datetime | None:
        return self.oldest if places else None

    def raise_alerts(self, *alerts: Alert, window: timedelta = timedelta(hours=1)) -> None:
        """Take alerts in as the chain does."""
        stores = self.stores()
        stores.alerts.put(alerts)
        Intake(stores.cases, stores.handlings, stores.queue, stores.suppressions, window).take(alerts)


_REASONS = {
    "account_takeover": (
        "Account takeover: new device in a new country (RO), 1,840.00 EUR is 9.3 times the typical amount "
        "(amount_over_account_median = 9.34, threshold >= 2)",
        "First payment from this device in 30 days",
    ),
    "card_testing": (
        "Card testing: 12 small payments in the last hour (account_small_count_1h = 12, threshold >= 5)",
    ),
    "mule_account": ("Money mule: paid in and out again within a day (account_inflow_24h = 4,200.00)",),
    "impossible_travel": (
        "Impossible travel: 4,210 km/h between this country and that of the payment before",
    ),
    "large_amount": ("Amount is 14.2 times the account's largest payment of the last 30 days",),
    "unknown": ("Unusual: 17 different counterparties paid in the last 24 hours",),
}
_FEATURES = (
    "amount_over_account_median", "account_count_1h", "is_new_device", "is_new_country", "hour_of_day",
    "counterparty_distinct_accounts_24h", "amount_value",
)  # fmt: skip


def invented(
    count: int, seed: int = 7, now: datetime | None = None
) -> tuple[list[Alert], list[StoredTransaction]]:
    """Alerts of the last days, the newest a few seconds old, and what their accounts have done before."""
    random_ = random.Random(seed)
    now = now or datetime.now(UTC)
    accounts = [
        f"DE{random_.randrange(10, 99)}{random_.randrange(10**17, 10**18)}" for _ in range(max(3, count // 5))
    ]
    counterparties = [f"MERCHANT-{random_.randrange(10_000):05d}" for _ in range(24)]
    alerts, transactions = [], []
    for number in range(count):
        at = now - timedelta(seconds=20 + number * 137 + random_.random() * 60)
        typology = random_.choice(list(_REASONS))
        account = random_.choice(accounts)
        amount = Decimal(str(round(random_.lognormvariate(5.6, 1.3), 2)))
        severity = random_.choices(list(Severity), (3, 5, 4, 1.2))[0]
        one = Alert(
            alert_id=alert_id_for(f"T-{seed}-{number:06d}"),
            transaction_id=f"T-{seed}-{number:06d}",
            batch_id=number // 4,
            account_id=account,
            customer_id=f"C-{accounts.index(account):05d}",
            counterparty_id=random_.choice(counterparties),
            amount=amount,
            currency="EUR",
            transaction_type=random_.choice(("CARD_PAYMENT", "TRANSFER", "ATM_WITHDRAWAL")),
            channel=random_.choice(("ONLINE", "POS", "MOBILE")),
            country=random_.choice(("DE", "FR", "RO", "ES")),
            occurred_at=at - timedelta(seconds=3),
            arrived_at=at - timedelta(seconds=2.5),
            raised_at=at,
            severity=severity,
            typology=typology,
            score=float("nan")
            if number % 11 == 5
            else min(0.999, 0.35 + 0.2 * severity.rank + random_.random() * 0.1),
            rule_hits=(f"{typology}_burst",) if typology != "unknown" else (),
            reasons=_REASONS[typology],
            features={name: round(random_.random() * 20, 2) for name in _FEATURES} | {"is_new_device": 1.0},
            contributions={
                name: round(random_.gauss(1.2 - 0.5 * place, 0.6), 4)
                for place, name in enumerate(_FEATURES[:5])
            },
            model_version="20261120T031500-1f2e3d4c",
            ruleset_version="9f3c21a4b7e8",
        )
        alerts.append(one)
        transactions.append(_stored(one))
    for account in accounts:
        for number in range(random_.randrange(8, 60)):
            at = now - timedelta(hours=random_.random() * 24 * 28)
            transactions.append(
                StoredTransaction(
                    transaction_id=str(uuid.UUID(int=random_.getrandbits(128))),
                    account_id=account,
                    counterparty_id=random_.choice(counterparties),
                    amount=Decimal(str(round(random_.lognormvariate(3.6, 0.9), 2))),
                    currency="EUR",
                    transaction_type="CARD_PAYMENT",
                    channel=random_.choice(("POS", "ONLINE")),
                    country="DE",
                    occurred_at=at,
                    device_id=f"device-{accounts.index(account)}-{number % 2}",
                    customer_id=f"C-{accounts.index(account):05d}",
                    extra=None,
                    arrived_at=at + timedelta(seconds=1),
                    kafka_partition=0,
                    kafka_offset=number,
                    batch_id=number,
                )
            )
    return alerts[::-1], transactions


def _stored(alert: Alert) -> StoredTransaction:
    """The transaction an alert is about."""
    return StoredTransaction(
        transaction_id=alert.transaction_id,
        account_id=alert.account_id,
        counterparty_id=alert.counterparty_id,
        amount=alert.amount,
        currency=alert.currency,
        transaction_type=alert.transaction_type,
        channel=alert.channel,
        country=alert.country,
        occurred_at=alert.occurred_at,
        device_id="device-new",
        customer_id=alert.customer_id,
        extra=None,
        arrived_at=alert.arrived_at,
        kafka_partition=1,
        kafka_offset=17,
        batch_id=alert.batch_id,
    )
