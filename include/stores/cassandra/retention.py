"""How long each table keeps a row: one object that the migrations fill in, and that can change later."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from cassandra.cluster import Session

from include.stores.cassandra.cql import keyspace_name
from include.stores.cassandra.errors import MigrationInvalid
from include.stores.cassandra.statements import execute

DAY = 86_400
#: Labels of a counterparty count for this long.
LONGEST_MEMORY_DAYS = 90


@dataclass(frozen=True, slots=True)
class Retention:
    """Days a row lives after it was written; 0 keeps it for ever.

    State must outlive what features look back on (known frauds: 90 days), ids must be remembered for
    longer than an event may be late, or a late second arrival would count twice, and the hints that
    lead to deliveries must outlive these, or one that is still open would never be found. What was sent
    again must be remembered for longer than the dead-letter topic keeps a record (90 days).
    """

    transactions: int = 400
    decisions: int = 400
    totals: int = 800
    running_totals: int = 0
    state: int = 100
    seen: int = 40
    labels: int = 800
    alerts: int = 800
    cases: int = 800
    outbox: int = 90
    outbox_hints: int = 90
    resent: int = 120
    customers: int = 0
    audit: int = 0
    ledger: int = 0

    def __post_init__(self) -> None:
        """Refuse what would lose data that is still needed."""
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise ValueError(f"expected days >= 0 for {field.name}; came {getattr(self, field.name)}")
        if 0 < self.state <= LONGEST_MEMORY_DAYS:
            raise ValueError(
                f"expected state to be kept for more than {LONGEST_MEMORY_DAYS} days, which features look "
                f"back; came {self.state}: raise it"
            )
        if 0 < self.outbox_hints < (self.outbox or math.inf):
            raise ValueError(
                "expected hints to be kept for at least as long as the deliveries they lead to; came "
                f"outbox_hints={self.outbox_hints} and outbox={self.outbox}: raise outbox_hints"
            )

    def refuse_forgetting(self, event_days: int) -> None:
        """Refuse settings under which a late second arrival would be accepted once more.

        Parameters
        ----------
        event_days
            Oldest age of an event that is still accepted: ``stream.retention_days``.

        Raises
        ------
        MigrationInvalid
            Its id may be forgotten by then.
        """
        if 0 < self.seen <= event_days:
            raise MigrationInvalid(
                "expected ids of transactions to be remembered for longer than an event may be late, got seen="
                f"{self.seen} days and stream.retention_days={event_days}: a second arrival after {self.seen} days "
                f"would be accepted again; set TIDEWATCH_STREAM__RETENTION_DAYS to less than {self.seen}, or raise "
                "`seen` of Retention in include/stores/cassandra/retention.py, then run initialize_stores"
            )

    def seconds(self) -> dict[str, int]:
        """Seconds by name of the field, as ``default_time_to_live`` wants them."""
        return {field.name: getattr(self, field.name) * DAY for field in fields(self)}


TABLES: dict[str, tuple[str, ...]] = {
    "transactions": ("transactions_by_account", "transactions_by_id"),
    "decisions": ("decisions",),
    "totals": ("account_totals", "counterparty_totals"),
    "running_totals": ("account_running_totals", "counterparty_running_totals"),
    "state": ("account_state", "counterparty_state"),
    "seen": ("seen_transactions",),
    "labels": ("labels_by_transaction",),
    "alerts": ("alerts", "alerts_by_day", "alerts_by_account"),
    "cases": (
        "case_events",
        "alert_handling",
        "alert_leaders",
        "alert_repeats",
        "alert_queue",
        "suppressions",
    ),
    "outbox": ("outbox", "deliveries_by_day", "digests"),
    "outbox_hints": ("outbox_due",),
    "resent": ("dead_letters_resent",),
    "customers": ("customers",),
    "audit": ("audit",),
    "ledger": ("batch_ledger",),
}

#: Tables whose rows go by themselves or belong to the schema, and why they have no time-to-live of ours.
OTHERWISE: dict[str, str] = {
    "outbox_open_minutes": "a minute is taken off once it is empty",
    "case_events_open": "a row is taken off once the event's label, audit record and queue row are there",
    "sent_by_minute": "one hour, fixed: only the last two minutes are read",
    "schema_migrations": "never: which migrations were applied",
    "schema_lock": "never: one row",
    "installation": "never: one row, whose the keyspace is",
    "durability_marker": "never: one row, written again and again",
}

#: Why the rows of a field with 0 days stay.
FOR_EVER: dict[str, str] = {
    "running_totals": "as long as the account is monitored; superseded versions are pruned, erase_customer removes all",
    "customers": "as long as the bank has the customer; the bank's file replaces rows, erase_customer removes them",
    "audit": "witnesses of the audit chains; no personal data",
    "ledger": "one small row a batch; no personal data",
}


def apply_retention(session: Session, keyspace: str, retention: Retention) -> tuple[str, ...]:
    """Set ``default_time_to_live`` where it is not as wanted; return the tables altered.

    Idempotent: a table that already has its value is left alone. Rows written earlier keep the life
    they were written with.
    """
    keyspace = keyspace_name(keyspace)
    rows = execute(
        session,
        "SELECT table_name, default_time_to_live FROM system_schema.tables WHERE keyspace_name = %s",
        (keyspace,),
        "reading the schema",
    )
    current = dict(rows)
    altered = []
    for name, tables in TABLES.items():
        seconds = retention.seconds()[name]
        for table in tables:
            if current.get(table) != seconds:
                execute(
                    session,
                    f"ALTER TABLE {keyspace}.{table} WITH default_time_to_live = {seconds}",
                    doing=f"setting the retention of {table}",
                )
                altered.append(table)
    return tuple(altered)
