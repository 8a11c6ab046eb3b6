"""What a transaction says by itself, without any past."""

from __future__ import annotations

import numpy as np

from include.features.account import at_night, at_weekend
from include.features.clock import DAY, HOUR
from include.features.transactions import UNITS, Transactions
from include.features.windows import Float
from include.transactions.schema import CHANNELS, TRANSACTION_TYPES


def moment_features(batch: Transactions) -> dict[str, Float]:
    """Amount, time of day and week, type and channel."""
    found: dict[str, Float] = {
        "amount_value": batch.amount / UNITS,
        "hour_of_day": (batch.time % DAY // HOUR).astype(np.float64),
        "is_night": at_night(batch.time).astype(np.float64),
        "is_weekend": at_weekend(batch.time).astype(np.float64),
    }
    for i, name in enumerate(TRANSACTION_TYPES):
        found[f"is_type_{name.lower()}"] = (batch.type == i).astype(np.float64)
    for i, name in enumerate(CHANNELS):
        found[f"is_channel_{name.lower()}"] = (batch.channel == i).astype(np.float64)
    return found
