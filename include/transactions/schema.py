"""The Arrow schemas a transaction has on its way; one definition for Spark, the lake and the domain.

Amounts are exact decimals (18 digits, 4 of them after the point); times are UTC microseconds.
"""

from __future__ import annotations

import pyarrow as pa

AMOUNT = pa.decimal128(18, 4)
TIME = pa.timestamp("us", tz="UTC")

#: What every accepted transaction carries.
TRANSACTION_SCHEMA = pa.schema(
    [
        pa.field("transaction_id", pa.string()),
        pa.field("account_id", pa.string()),
        pa.field("counterparty_id", pa.string()),
        pa.field("amount", AMOUNT),
        pa.field("currency", pa.string()),
        pa.field("transaction_type", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("country", pa.string()),
        pa.field("occurred_at", TIME),
        pa.field("device_id", pa.string()),  # null when the event had none
        pa.field("customer_id", pa.string()),  # null when the event had none
        pa.field("extra", pa.string()),  # unknown fields as a JSON object, null when there were none
    ]
)

#: Where a record stood in Kafka and when the broker got it.
ARRIVAL_FIELDS = [
    pa.field("kafka_partition", pa.int32()),
    pa.field("kafka_offset", pa.int64()),
    pa.field("arrived_at", TIME),
]

#: A row of an accepted batch in the lake.
ACCEPTED_SCHEMA = pa.schema([*TRANSACTION_SCHEMA, *ARRIVAL_FIELDS])

#: A row as the streaming job writes it: parsed as far as possible; ``judging`` gives reasons.
ARRIVAL_SCHEMA = pa.schema(
    [
        *ACCEPTED_SCHEMA,
        pa.field("errors", pa.list_(pa.string())),  # empty: the record is valid; null: not judged
        pa.field("raw_key", pa.binary()),  # null, like the value, of a record that was proven sound
        pa.field("raw_value", pa.binary()),  # null for a tombstone
    ]
)

TRANSACTION_TYPES = ("CARD_PAYMENT", "ATM_WITHDRAWAL", "TRANSFER", "DIRECT_DEBIT", "DEPOSIT")
CHANNELS = ("POS", "ONLINE", "ATM", "BRANCH", "MOBILE")
