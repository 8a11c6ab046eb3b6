"""Sound transactions as they stand in Kafka."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime


def sound_records(count: int, accounts: int = 12, prefix: str = "A") -> list[tuple[bytes, bytes]]:
    """(key, value) of transactions that keep the contract, with ids nobody has used."""
    moment = datetime.now(UTC).isoformat()
    records = []
    for number in range(count):
        record = {
            "transaction_id": uuid.uuid4().hex,
            "account_id": f"{prefix}{number % accounts}",
            "counterparty_id": f"M{number % 7}",
            "amount": f"{number % 90 + 1}.50",
            "currency": "EUR",
            "transaction_type": "CARD_PAYMENT",
            "channel": "POS",
            "country": "DE",
            "occurred_at": moment,
        }
        records.append((record["account_id"].encode(), json.dumps(record).encode()))
    return records
