"""What a counterparty's past says: the merchant, terminal or account the money goes to."""

from __future__ import annotations

import numpy as np

from include.features.account import SMALL
from include.features.fraud_history import fraud_history
from include.features.timeline import Timeline
from include.features.velocity import velocity
from include.features.windows import Float, distinct_nested, running


def counterparty_features(past: Timeline) -> dict[str, Float]:
    """Every feature of a counterparty's past, row by row."""
    found = velocity(past)
    account = np.ascontiguousarray(past.records["other"])
    lows = {f"counterparty_distinct_accounts_{w}": past.recent[w] for w in ("1h", "24h", "7d", "30d")}
    found |= distinct_nested(account, lows, past.at)
    small = running(past.amount <= SMALL)
    found["counterparty_small_count_1h"] = (small[past.at] - small[past.recent["1h"]]).astype(np.float64)
    return found | fraud_history(past)
