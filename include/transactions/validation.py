"""The reference validator: one Kafka record in, a parsed transaction or every reason for refusal out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from include.transactions import contract, json_text
from include.transactions.contract import FieldKind, FieldRule
from include.transactions.json_text import JsonValue, NumberText

_AMOUNT = re.compile(contract.AMOUNT_PATTERN)
_OCCURRED_AT = re.compile(contract.OCCURRED_AT_PATTERN)
_CONTROL = re.compile(contract.CONTROL_CHARACTER_PATTERN)
_QUANTUM = Decimal(1).scaleb(-contract.AMOUNT_DECIMALS)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A transaction that keeps the contract; the columns of ``TRANSACTION_SCHEMA``."""

    transaction_id: str
    account_id: str
    counterparty_id: str
    amount: Decimal  # four decimals
    currency: str
    transaction_type: str
    channel: str
    country: str
    occurred_at: datetime  # UTC, microseconds
    device_id: str | None
    customer_id: str | None
    # Unknown fields as a compact JSON object with sorted keys. Spark keeps a number of more than 38 digits, or one with
    # an exponent, as a double.
    extra: str | None


def parse_amount(text: str) -> Decimal | None:
    """Exact amount with four decimals, or None if the text breaks the rule for amounts."""
    if not _AMOUNT.fullmatch(text):
        return None
    value = Decimal(text)
    if not 0 < value <= contract.MAX_AMOUNT:
        return None
    rounded = value.quantize(_QUANTUM)
    return rounded if rounded == value else None


def parse_time(text: str) -> datetime | None:
    """UTC time of an RFC 3339 text, cut off after the microsecond; None if it is not one."""
    if not _OCCURRED_AT.fullmatch(text):
        return None
    upper = text.upper()
    fraction = re.search(r"\.([0-9]+)", upper)
    if fraction:
        upper = upper.replace(fraction.group(), "." + fraction.group(1)[:6].ljust(6, "0"))
    try:
        return datetime.fromisoformat(upper).astimezone(UTC)
    except ValueError:
        return None


def check_id(rule: FieldRule, text: str) -> list[str]:
    """Return the reasons an id breaks: length in code points, control characters."""
    reason_length, reason_control = rule.reasons
    reasons = [] if 1 <= len(text) <= rule.max_length else [reason_length]
    return [*reasons, reason_control] if _CONTROL.search(text) else reasons


def missing_or_mistyped(rule: FieldRule, value: JsonValue) -> str | None:
    """Return the reason if a field is missing, null or of a type its rule does not take."""
    if value is None:
        return rule.reason_missing
    if isinstance(value, NumberText):
        return None if rule.kind is FieldKind.AMOUNT else rule.reason_type
    return None if isinstance(value, str) else rule.reason_type


def _check_time(
    rule: FieldRule, at: datetime | None, arrived_at: datetime, retention: timedelta
) -> list[str]:
    reason_format, reason_future, reason_old = rule.reasons
    if at is None:
        return [reason_format]
    if at > arrived_at + contract.MAX_AHEAD:
        return [reason_future]
    return [reason_old] if at < arrived_at - retention else []


def validate(
    raw_value: bytes | None, raw_key: bytes | None, arrived_at: datetime, retention: timedelta
) -> Parsed | list[str]:
    """Judge one Kafka record.

    Parameters
    ----------
    raw_value, raw_key
        The record as it came; None for a tombstone or a record without key.
    arrived_at
        The broker's time of the record, with time zone.
    retention
        How far before its arrival a transaction may have happened.

    Returns
    -------
    Parsed or list of str
        The transaction, or every reason for its refusal in the contract's order (never empty).
    """
    document = json_text.read_object(raw_value)
    if isinstance(document, str):
        return [document]
    reasons: list[str] = []
    texts: dict[str, str] = {}
    amount, occurred_at = Decimal(0), arrived_at
    for rule in contract.FIELDS:
        value = document.get(rule.name)
        reason = missing_or_mistyped(rule, value)
        if reason is not None:
            reasons.append(reason)
            continue
        if not isinstance(value, str):
            continue  # an optional field that is absent
        texts[rule.name] = value
        if rule.kind is FieldKind.ID:
            reasons += check_id(rule, value)
        elif rule.kind is FieldKind.CODE:
            reasons += [] if value in rule.codes else rule.reasons
        elif rule.kind is FieldKind.AMOUNT:
            parsed_amount = parse_amount(value)
            reasons += [] if parsed_amount is not None else rule.reasons
            amount = parsed_amount or amount
        else:
            parsed_time = parse_time(value)
            reasons += _check_time(rule, parsed_time, arrived_at, retention)
            occurred_at = parsed_time or occurred_at
    account_id = texts.get("account_id")
    if account_id is not None and raw_key != account_id.encode("utf-8"):
        reasons.append(contract.REASON_KEY)
    if reasons:
        return reasons
    unknown = {name: value for name, value in document.items() if name not in contract.FIELD_NAMES}
    return Parsed(
        transaction_id=texts["transaction_id"],
        account_id=texts["account_id"],
        counterparty_id=texts["counterparty_id"],
        amount=amount,
        currency=texts["currency"],
        transaction_type=texts["transaction_type"],
        channel=texts["channel"],
        country=texts["country"],
        occurred_at=occurred_at,
        device_id=texts.get("device_id"),
        customer_id=texts.get("customer_id"),
        extra=json_text.write(json_text.finite(unknown)) if unknown else None,
    )
