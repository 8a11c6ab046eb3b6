"""The simulated bank: one day at a time as Arrow tables, the same day always the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from include.transactions.errors import SimulationError
from include.transactions.labels import TRUTH_SCHEMA
from include.transactions.schema import AMOUNT, CHANNELS, TIME, TRANSACTION_SCHEMA, TRANSACTION_TYPES
from include.transactions.simulator.counterparties import Counterparties
from include.transactions.simulator.everyday import everyday
from include.transactions.simulator.geography import COUNTRIES, CURRENCY
from include.transactions.simulator.lookalikes import lookalikes
from include.transactions.simulator.population import Population
from include.transactions.simulator.rows import LEGITIMATE, NO_DEVICE, Rows, concatenate
from include.transactions.simulator.scheduled import scheduled
from include.transactions.simulator.typologies import TYPOLOGIES, fraud_of_day

MINIMUM_CUSTOMERS = 50

_TYPOLOGY_NAMES = pa.array([*(typology.name for typology in TYPOLOGIES), ""], pa.string())


@dataclass(frozen=True, slots=True)
class SimulatedDay:
    """A day, or the first part of one.

    Attributes
    ----------
    day
        Days since the bank's start.
    transactions
        TRANSACTION_SCHEMA, sorted by occurred_at.
    labels
        TRUTH_SCHEMA, row by row the truth about ``transactions``.
    """

    day: int
    transactions: pa.Table
    labels: pa.Table


class SimulatedBank:
    """A bank whose every day follows from its seed.

    Parameters
    ----------
    seed
        >= 0. Two banks with equal seed, customers and start are equal.
    customers
        At least 50; each makes about two transactions a day, 0.8-1.0 % of all are fraud. A run of 20,000
        consecutive ones holds at least ten frauds of each typology if there are 5,000 customers.
    start
        Midnight UTC at which day 0 begins.

    Raises
    ------
    SimulationError
        A parameter is out of range.
    """

    def __init__(self, seed: int, customers: int = 5000, *, start: datetime) -> None:
        if seed < 0 or customers < MINIMUM_CUSTOMERS:
            raise SimulationError(
                f"expected a seed >= 0 and at least {MINIMUM_CUSTOMERS} customers,"
                f" found {seed} and {customers}; choose other numbers"
            )
        if start.tzinfo is None or start.astimezone(UTC).time() != datetime.min.time():
            raise SimulationError(
                f"expected a start at midnight UTC with time zone, found {start.isoformat()};"
                " habits follow the hours of the day: pass e.g. datetime(2026, 1, 1, tzinfo=UTC)"
            )
        self.seed = seed
        self.customers = customers
        self.start = start.astimezone(UTC)
        self._start_us = (self.start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        self.population = Population(seed, customers, Counterparties(seed, customers))
        self._accounts = pa.array([f"A{seed}-{n:06d}" for n in range(customers)], pa.string())
        self._customers = pa.array([f"C{seed}-{n:06d}" for n in range(customers)], pa.string())

    def day(self, n: int) -> SimulatedDay:
        """Make day ``n`` >= 0; no other day has to be made before."""
        if n < 0:
            raise SimulationError(
                f"expected a day >= 0, found {n}; to have earlier days choose an earlier start"
            )
        date = self.start + timedelta(days=n)
        parts = [
            everyday(self.population, n, date.weekday()),
            scheduled(self.population, n, date.day),
            lookalikes(self.population, n),
        ]
        for code, typology in enumerate(TYPOLOGIES):
            parts += fraud_of_day(typology, code, self.population, n)
        rows = concatenate(parts).on_day(n)
        return self._tables(n, rows.take(np.argsort(rows.at, kind="stable")))

    @property
    def customer_ids(self) -> list[str]:
        """Everybody who has an account, which is one each."""
        ids: list[str] = self._customers.to_pylist()
        return ids

    def stream(self, start_day: int, count: int) -> Iterator[SimulatedDay]:
        """Yield days from ``start_day`` on until ``count`` transactions are out; the last is cut short."""
        day = start_day
        while count > 0:
            made = self.day(day)
            if made.transactions.num_rows > count:
                made = SimulatedDay(day, made.transactions.slice(0, count), made.labels.slice(0, count))
            yield made
            count -= made.transactions.num_rows
            day += 1

    def _tables(self, day: int, rows: Rows) -> SimulatedDay:
        ids = pc.binary_join_element_wise(
            f"S{self.seed}-C{self.customers}-D{day}-", pa.array(np.arange(len(rows))).cast(pa.string()), ""
        )
        accounts = self._accounts.take(pa.array(rows.customer))
        columns = {
            "transaction_id": ids,
            "account_id": accounts,
            "counterparty_id": self.population.counterparties.names.take(pa.array(rows.counterparty)),
            "amount": _decimals(rows),
            "currency": pa.array([CURRENCY], pa.string()).take(pa.array(np.zeros(len(rows), np.int64))),
            "transaction_type": pa.array(TRANSACTION_TYPES, pa.string()).take(pa.array(rows.kind)),
            "channel": pa.array(CHANNELS, pa.string()).take(pa.array(rows.channel)),
            "country": pa.array(COUNTRIES, pa.string()).take(pa.array(rows.country)),
            "occurred_at": pa.array(rows.at + self._start_us).cast(TIME),
            "device_id": self._devices(rows),
            "customer_id": self._customers.take(pa.array(rows.customer)),
            "extra": pa.nulls(len(rows), pa.string()),
        }
        labels = {
            "transaction_id": ids,
            "account_id": accounts,
            "is_fraud": pa.array(rows.typology != LEGITIMATE),
            "typology": _TYPOLOGY_NAMES.take(pa.array(rows.typology % len(_TYPOLOGY_NAMES))),
        }
        return SimulatedDay(
            day,
            pa.table(columns, schema=TRANSACTION_SCHEMA),
            pa.table(labels, schema=TRUTH_SCHEMA),
        )

    def _devices(self, rows: Rows) -> pa.StringArray:
        # Multiplying by an odd number keeps 64-bit numbers distinct and hides which ones are a fraudster's.
        mixed = rows.device.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(self.seed)
        numbers = pa.array(mixed, mask=rows.device == NO_DEVICE).cast(pa.string())
        return pc.binary_join_element_wise("D", pc.utf8_lpad(numbers, 20, "0"), "")


def _decimals(rows: Rows) -> pa.Decimal128Array:
    # Two 64-bit words a value, the low one first; amounts are positive, so the high one is zero.
    words = np.zeros((len(rows), 2), np.int64)
    words[:, 0] = rows.cents * 100
    return pa.Array.from_buffers(AMOUNT, len(rows), [None, pa.py_buffer(words)])
