"""JSON as the contract reads it: numbers keep the text they were written with, the last of two names wins."""

from __future__ import annotations

import json
import re
from typing import TypeAlias

from include.transactions import contract

_PAIRED_SURROGATES = re.compile(contract.PAIRED_SURROGATES_PATTERN)


class NumberText(str):
    """A JSON number, exactly as it was written; a class of its own so that it is no JSON string."""

    __slots__ = ()


JsonValue: TypeAlias = "bool | str | list[JsonValue] | dict[str, JsonValue] | None"


def _refuse_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    parse_int=NumberText, parse_float=NumberText, parse_constant=_refuse_constant, strict=True
)


def read_object(raw: bytes | None) -> dict[str, JsonValue] | str:
    """Read a record's value as a JSON object, or tell the one record-level reason why it is none.

    Parameters
    ----------
    raw
        The Kafka record's value; None for a tombstone.

    Returns
    -------
    dict or str
        The object, numbers as ``NumberText``; or one of ``contract.RECORD_REASONS``.
    """
    if raw is None:
        return contract.REASON_TOMBSTONE
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return contract.REASON_NOT_UTF8
    try:
        document: JsonValue = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return contract.REASON_MALFORMED
    if not isinstance(document, dict):
        return contract.REASON_NOT_OBJECT
    if "\\ud" in text.lower() and not _PAIRED_SURROGATES.fullmatch(text):
        return contract.REASON_SURROGATE
    return document


def write(value: JsonValue) -> str:
    """Compact JSON with sorted keys; numbers as they were read, text unescaped where JSON allows it."""
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(k, ensure_ascii=False)}:{write(v)}" for k, v in sorted(value.items()))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
