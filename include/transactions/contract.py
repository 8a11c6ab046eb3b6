r"""The event contract as data: limits, patterns and the text of every reason for refusal.

``validation`` applies it in Python (the reference); the streaming job proves with the same constants, as native Spark
expressions, that a record is sound, and a test holds it to the reference over ``tests/transactions/corpus.py``.

How a record is judged
----------------------
1. Record-level rules in the order of ``RECORD_REASONS``; the first broken one is the only reason.
2. Otherwise every field in the order of ``FIELDS``. A missing or null field, or one of a wrong type,
   has that one reason; a field of the right type has every value rule it breaks, in the order below.
   Last comes ``REASON_KEY``, judged only if ``account_id`` is a string.
3. Names are case-sensitive; of a name given twice the last wins; unknown names go to ``extra``.

Lengths are counted in Unicode code points. Patterns are for a *full* match and mean the same in
Python and Java; see ``java_full_match`` for the anchors Spark's ``rlike`` needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from include.transactions.iso_codes import COUNTRIES, CURRENCIES
from include.transactions.schema import CHANNELS, TRANSACTION_TYPES

# --- limits -----------------------------------------------------------------------------------------
MAX_AMOUNT = Decimal("1000000000000")
AMOUNT_DECIMALS = 4
MAX_AHEAD = timedelta(minutes=5)

#: Bytes of a record's value. A transaction has some hundred; what is accepted is held in memory by the batch.
MAX_VALUE_BYTES = 65_536
#: Levels of a JSON document, itself included. RFC 8259 leaves a limit to the reader; else the reader's stack is it.
MAX_DEPTH = 100
#: Digits of a JSON number and characters of a name: what Spark's JSON parser reads.
MAX_DIGITS = 1_000
MAX_NAME = 50_000

# --- patterns ---------------------------------------------------------------------------------------
#: Text of an amount, of a JSON number exactly as it was written or of a string. Whatever matches is
#: represented without loss by decimal(38,18) or overflows it (then it is above the limit anyway):
#: 14 decimals and an exponent of at least -4. Negative numbers need no pattern, they are refused.
AMOUNT_PATTERN = r"(?:0|[1-9][0-9]{0,12})(?:\.[0-9]{1,14})?(?:[eE](?:\+?[0-9]{1,2}|-0?[0-4]))?"

#: RFC 3339 with offset. Leap seconds and offsets beyond 18:00 are refused: neither Spark nor Python
#: has them. Digits after the sixth are cut off. The calendar (30 February) is checked after the match.
OCCURRED_AT_PATTERN = (
    r"[12][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-](?:(?:0[0-9]|1[0-7]):[0-5][0-9]|18:00))"
)

#: Found anywhere in an id it refuses the id: the C0 and C1 control characters and DEL.
CONTROL_CHARACTER_PATTERN = r"[\u0000-\u001f\u007f-\u009f]"

#: Full match over the text of a well-formed JSON document without lone surrogates in its ``\u`` escapes.
#: Only worth asking of texts that contain ``\ud`` or ``\uD``.
PAIRED_SURROGATES_PATTERN = (
    r"(?:[^\\]++|\\[^u]|\\u(?:[0-9a-cefA-CEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2})"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*+"
)


def java_full_match(pattern: str) -> str:
    r"""Anchor a pattern for Spark's ``rlike``; ``$`` would let a trailing line break pass in Java."""
    return rf"^(?:{pattern})\z"


# --- reasons: the record ----------------------------------------------------------------------------
REASON_TOMBSTONE = "record: expected a value, found none (tombstone)"
REASON_SIZE = f"record: expected at most {MAX_VALUE_BYTES:,} bytes"
REASON_NOT_UTF8 = "record: expected UTF-8 text"
REASON_MALFORMED = f"record: expected well-formed JSON (RFC 8259) of at most {MAX_DEPTH} levels"
REASON_NOT_OBJECT = "record: expected a JSON object"
REASON_SURROGATE = "record: expected surrogate escapes (\\ud800-\\udfff) in pairs only"
RECORD_REASONS = (
    REASON_TOMBSTONE,
    REASON_SIZE,
    REASON_NOT_UTF8,
    REASON_MALFORMED,
    REASON_NOT_OBJECT,
    REASON_SURROGATE,
)

#: Of a record that keeps the contract: known only once the batch is settled, see ``settling``.
REUSED_TRANSACTION_ID = "transaction_id: used before with other content"

REASON_KEY = "key: expected the record key to be the account_id in UTF-8"

# --- reasons: the fields ----------------------------------------------------------------------------
REASON_TRANSACTION_ID_MISSING = "transaction_id: missing or null"
REASON_TRANSACTION_ID_TYPE = "transaction_id: expected a JSON string"
REASON_TRANSACTION_ID_LENGTH = "transaction_id: expected 1 to 64 characters"
REASON_TRANSACTION_ID_CONTROL = "transaction_id: control characters are not allowed"
REASON_ACCOUNT_ID_MISSING = "account_id: missing or null"
REASON_ACCOUNT_ID_TYPE = "account_id: expected a JSON string"
REASON_ACCOUNT_ID_LENGTH = "account_id: expected 1 to 34 characters"
REASON_ACCOUNT_ID_CONTROL = "account_id: control characters are not allowed"
REASON_COUNTERPARTY_ID_MISSING = "counterparty_id: missing or null"
REASON_COUNTERPARTY_ID_TYPE = "counterparty_id: expected a JSON string"
REASON_COUNTERPARTY_ID_LENGTH = "counterparty_id: expected 1 to 34 characters"
REASON_COUNTERPARTY_ID_CONTROL = "counterparty_id: control characters are not allowed"
REASON_AMOUNT_MISSING = "amount: missing or null"
REASON_AMOUNT_TYPE = "amount: expected a JSON number or a JSON string"
REASON_AMOUNT = "amount: expected a JSON number or decimal string > 0 and <= 1e12 with at most 4 decimals"
REASON_CURRENCY_MISSING = "currency: missing or null"
REASON_CURRENCY_TYPE = "currency: expected a JSON string"
REASON_CURRENCY = "currency: expected an ISO 4217 code in capitals"
REASON_TRANSACTION_TYPE_MISSING = "transaction_type: missing or null"
REASON_TRANSACTION_TYPE_TYPE = "transaction_type: expected a JSON string"
REASON_TRANSACTION_TYPE = (
    "transaction_type: expected CARD_PAYMENT, ATM_WITHDRAWAL, TRANSFER, DIRECT_DEBIT or DEPOSIT"
)
REASON_CHANNEL_MISSING = "channel: missing or null"
REASON_CHANNEL_TYPE = "channel: expected a JSON string"
REASON_CHANNEL = "channel: expected POS, ONLINE, ATM, BRANCH or MOBILE"
REASON_COUNTRY_MISSING = "country: missing or null"
REASON_COUNTRY_TYPE = "country: expected a JSON string"
REASON_COUNTRY = "country: expected an ISO 3166-1 alpha-2 code in capitals"
REASON_OCCURRED_AT_MISSING = "occurred_at: missing or null"
REASON_OCCURRED_AT_TYPE = "occurred_at: expected a JSON string"
REASON_OCCURRED_AT_FORMAT = "occurred_at: expected an RFC 3339 time with offset"
REASON_OCCURRED_AT_FUTURE = "occurred_at: more than 5 minutes ahead of the record's arrival"
REASON_OCCURRED_AT_OLD = "occurred_at: older than the retention"
REASON_DEVICE_ID_TYPE = "device_id: expected a JSON string"
REASON_DEVICE_ID_LENGTH = "device_id: expected 1 to 64 characters"
REASON_DEVICE_ID_CONTROL = "device_id: control characters are not allowed"
REASON_CUSTOMER_ID_TYPE = "customer_id: expected a JSON string"
REASON_CUSTOMER_ID_LENGTH = "customer_id: expected 1 to 64 characters"
REASON_CUSTOMER_ID_CONTROL = "customer_id: control characters are not allowed"


class FieldKind(StrEnum):
    """Which value rules a field has."""

    ID = "id"  # length, then control characters
    AMOUNT = "amount"  # pattern and range, one reason
    CODE = "code"  # member of a set
    TIME = "time"  # format and calendar; then ahead of arrival, older than the retention


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field of the event.

    Attributes
    ----------
    reason_missing
        None for an optional field, where absent and null mean the same.
    reasons
        The value rules' reasons: ID (length, control), AMOUNT (value,), CODE (value,),
        TIME (format, future, old).
    """

    name: str
    kind: FieldKind
    reason_missing: str | None
    reason_type: str
    reasons: tuple[str, ...]
    max_length: int = 0
    codes: frozenset[str] = frozenset()


FIELDS: tuple[FieldRule, ...] = (
    FieldRule(
        "transaction_id",
        FieldKind.ID,
        REASON_TRANSACTION_ID_MISSING,
        REASON_TRANSACTION_ID_TYPE,
        (REASON_TRANSACTION_ID_LENGTH, REASON_TRANSACTION_ID_CONTROL),
        max_length=64,
    ),
    FieldRule(
        "account_id",
        FieldKind.ID,
        REASON_ACCOUNT_ID_MISSING,
        REASON_ACCOUNT_ID_TYPE,
        (REASON_ACCOUNT_ID_LENGTH, REASON_ACCOUNT_ID_CONTROL),
        max_length=34,
    ),
    FieldRule(
        "counterparty_id",
        FieldKind.ID,
        REASON_COUNTERPARTY_ID_MISSING,
        REASON_COUNTERPARTY_ID_TYPE,
        (REASON_COUNTERPARTY_ID_LENGTH, REASON_COUNTERPARTY_ID_CONTROL),
        max_length=34,
    ),
    FieldRule("amount", FieldKind.AMOUNT, REASON_AMOUNT_MISSING, REASON_AMOUNT_TYPE, (REASON_AMOUNT,)),
    FieldRule(
        "currency",
        FieldKind.CODE,
        REASON_CURRENCY_MISSING,
        REASON_CURRENCY_TYPE,
        (REASON_CURRENCY,),
        codes=CURRENCIES,
    ),
    FieldRule(
        "transaction_type",
        FieldKind.CODE,
        REASON_TRANSACTION_TYPE_MISSING,
        REASON_TRANSACTION_TYPE_TYPE,
        (REASON_TRANSACTION_TYPE,),
        codes=frozenset(TRANSACTION_TYPES),
    ),
    FieldRule(
        "channel",
        FieldKind.CODE,
        REASON_CHANNEL_MISSING,
        REASON_CHANNEL_TYPE,
        (REASON_CHANNEL,),
        codes=frozenset(CHANNELS),
    ),
    FieldRule(
        "country",
        FieldKind.CODE,
        REASON_COUNTRY_MISSING,
        REASON_COUNTRY_TYPE,
        (REASON_COUNTRY,),
        codes=COUNTRIES,
    ),
    FieldRule(
        "occurred_at",
        FieldKind.TIME,
        REASON_OCCURRED_AT_MISSING,
        REASON_OCCURRED_AT_TYPE,
        (REASON_OCCURRED_AT_FORMAT, REASON_OCCURRED_AT_FUTURE, REASON_OCCURRED_AT_OLD),
    ),
    FieldRule(
        "device_id",
        FieldKind.ID,
        None,
        REASON_DEVICE_ID_TYPE,
        (REASON_DEVICE_ID_LENGTH, REASON_DEVICE_ID_CONTROL),
        max_length=64,
    ),
    FieldRule(
        "customer_id",
        FieldKind.ID,
        None,
        REASON_CUSTOMER_ID_TYPE,
        (REASON_CUSTOMER_ID_LENGTH, REASON_CUSTOMER_ID_CONTROL),
        max_length=64,
    ),
)

FIELD_NAMES: frozenset[str] = frozenset(field.name for field in FIELDS)
