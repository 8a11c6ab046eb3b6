"""Rows of the simulation: numpy columns of equal length, before they are sorted and have ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from include.transactions.schema import CHANNELS, TRANSACTION_TYPES

Ints = npt.NDArray[np.int64]

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000

CARD_PAYMENT, ATM_WITHDRAWAL, TRANSFER, DIRECT_DEBIT, DEPOSIT = range(len(TRANSACTION_TYPES))
POS, ONLINE, ATM, BRANCH, MOBILE = range(len(CHANNELS))
NO_DEVICE = -1
LEGITIMATE = -1


@dataclass(frozen=True, slots=True)
class Rows:
    """Transactions of any length n; every column has shape (n,) and type int64.

    Attributes
    ----------
    customer
        Index into the population.
    counterparty
        Index into the counterparty table.
    cents
        Amount in hundredths of the currency, > 0.
    kind, channel, country
        Indices into TRANSACTION_TYPES, CHANNELS and the simulator's COUNTRIES.
    at
        Microseconds since the bank's start.
    device
        Device number, NO_DEVICE for none.
    typology
        Index into the typologies, LEGITIMATE for none.
    """

    customer: Ints
    counterparty: Ints
    cents: Ints
    kind: Ints
    channel: Ints
    country: Ints
    at: Ints
    device: Ints
    typology: Ints

    def __len__(self) -> int:
        return len(self.at)

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Rows:
        """Rows by position or mask."""
        return Rows(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def on_day(self, day: int) -> Rows:
        """Rows of one day since the bank's start."""
        return self.take(self.at // DAY_US == day)


def make_rows(
    customer: npt.ArrayLike,
    counterparty: npt.ArrayLike,
    cents: npt.ArrayLike,
    kind: npt.ArrayLike,
    channel: npt.ArrayLike,
    country: npt.ArrayLike,
    at: npt.ArrayLike,
    *,
    device: npt.ArrayLike = NO_DEVICE,
    typology: npt.ArrayLike = LEGITIMATE,
) -> Rows:
    """Rows from columns or single values, which are repeated; amounts are raised to at least one cent."""
    columns = np.broadcast_arrays(customer, counterparty, cents, kind, channel, country, at, device, typology)
    ints = [np.atleast_1d(column).astype(np.int64) for column in columns]
    ints[2] = np.maximum(ints[2], 1)
    return Rows(*ints)


def concatenate(parts: Sequence[Rows]) -> Rows:
    """All rows of the parts, in order; at least one part."""
    return Rows(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Rows)))
