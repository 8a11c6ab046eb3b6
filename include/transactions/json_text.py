"""JSON as the contract reads it: numbers keep the text they were written with, the last of two names wins."""

from __future__ import annotations

import json
import math
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


def _number(text: str) -> NumberText:
    if len(text) > contract.MAX_DIGITS and sum(map(str.isdigit, text)) > contract.MAX_DIGITS:
        raise ValueError(f"a number of more than {contract.MAX_DIGITS} digits")
    return NumberText(text)


def _members(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
    if any(len(name) > contract.MAX_NAME for name, _ in pairs):
        raise ValueError(f"a name of more than {contract.MAX_NAME} characters")
    return dict(pairs)


_DECODER = json.JSONDecoder(
    parse_int=_number,
    parse_float=_number,
    parse_constant=_refuse_constant,
    object_pairs_hook=_members,
    strict=True,
)

#: A string, or the first of one that does not end; and what opens or closes a level.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


def _too_deep(text: str) -> bool:
    """Whether a text has more levels than the contract allows; no parser is asked, for its own stack may be less."""
    if text.count("[") + text.count("{") <= contract.MAX_DEPTH:
        return False
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        bracket = found.group()
        if bracket in "[{":
            depth += 1
            if depth > contract.MAX_DEPTH:
                return True
        elif bracket in "]}":
            depth -= 1
    return False


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
    if len(raw) > contract.MAX_VALUE_BYTES:
        return contract.REASON_SIZE
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return contract.REASON_NOT_UTF8
    if _too_deep(text):
        return contract.REASON_MALFORMED
    try:
        document: JsonValue = _DECODER.decode(text)
    except ValueError:
        return contract.REASON_MALFORMED
    if not isinstance(document, dict):
        return contract.REASON_NOT_OBJECT
    if "\\ud" in text.lower() and not _PAIRED_SURROGATES.fullmatch(text):
        return contract.REASON_SURROGATE
    return document


def finite(value: JsonValue) -> JsonValue:
    """A value in which a number beyond every double is the text ``Infinity`` or ``-Infinity``, as Spark keeps it."""
    if isinstance(value, NumberText):
        number = float(value)
        return value if math.isfinite(number) else "Infinity" if number > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list) else value


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
