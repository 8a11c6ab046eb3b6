"""What the desk works on: stores, lake and topics, as its pages see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol, cast

from fastapi import Depends, Request

from include.cases.casework import Casework
from include.cases.customer_answer import CustomerAnswers
from include.pipeline.desk_audit import DeskAudit
from include.stores.case_ports import CaseStore, HandlingStore, QueueStore, SuppressionStore
from include.stores.cassandra.queries import Kind
from include.stores.cassandra.records import StoredTransaction, Totals
from include.stores.lake.files import Lake
from include.stores.ports import AlertStore, CustomerStore, LabelStore, OutboxStore


class Past(Protocol):
    """What is stored about transactions."""

    def history(
        self, account_id: str, since: datetime, until: datetime, limit: int
    ) -> list[StoredTransaction]:
        """Transactions of an account with since <= occurred_at < until, newest first."""
        ...

    def running_total(self, kind: Kind, key: str) -> Totals | None:
        """Totals since the first transaction; None if there was none."""
        ...

    def daily_totals(self, kind: Kind, key: str, since: datetime, until: datetime) -> list[Totals]:
        """Totals of each day with a transaction, oldest first."""
        ...

    def transaction(self, transaction_id: str) -> StoredTransaction | None:
        """One transaction, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """Everything that is read and changed through ports."""

    alerts: AlertStore
    cases: CaseStore
    handlings: HandlingStore
    queue: QueueStore
    suppressions: SuppressionStore
    labels: LabelStore
    outbox: OutboxStore
    customers: CustomerStore
    past: Past
    casework: Casework
    audit: DeskAudit
    answers: CustomerAnswers | None  # None: customers are not asked here


class Bank(Protocol):
    """Where the desk gets its stores from."""

    @property
    def lake(self) -> Lake:
        """Batches, models, rules, incidents, audit."""
        ...

    def stores(self) -> Stores:
        """The stores.

        Raises
        ------
        StoreUnavailable, SchemaMissing
            Cassandra is away, or has no tables yet.
        """
        ...

    def end_offsets(self) -> dict[int, int] | None:
        """Where the topic of transactions ends, by partition; None while the brokers do not say."""
        ...

    def oldest_arrival(self, places: Mapping[int, int]) -> datetime | None:
        """The broker's time of the oldest of the transactions at these places; see ``include.transactions.reading``."""
        ...

    def failed_tasks(self, since: datetime) -> Mapping[tuple[str, str], int]:
        """How many tries of tasks have failed since, by DAG and whether it was ``tried_again`` or ``given_up``."""
        ...


def bank_of(request: Request) -> Bank:
    """The bank the application was made with."""
    return cast(Bank, request.app.state.bank)


def _stores(bank: Annotated[Bank, Depends(bank_of)]) -> Stores:
    return bank.stores()


#: Parameters of routes.
BankDep = Annotated[Bank, Depends(bank_of)]
StoresDep = Annotated[Stores, Depends(_stores)]
