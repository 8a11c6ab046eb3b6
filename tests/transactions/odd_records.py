"""Odd records for the topic ``transactions``: more than a thousand fixed ones, and strategies that make up others.

``fixed(now)`` is the same for the same moment. What has to become of a record is not written down here: the reference
validator says it, and ``tests/transactions/corpus.py`` holds the validator to what people wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from include.transactions import contract as c
from tests.transactions.corpus import BASE

ACCOUNT = BASE["account_id"]
_FIELDS = tuple(rule.name for rule in c.FIELDS)
_IDS = ("transaction_id", "counterparty_id", "device_id", "customer_id")

#: What a spreadsheet would calculate, a page would run, a database would execute, a template or a log would expand.
INJECTIONS = (
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x.invalid";"x")', "\uff1d1+1",
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<!--", "]]>", "javascript:alert(1)",
    "&lt;b&gt;", "'; DROP TABLE alerts; --", "') USING TTL 1; --", "$$; TRUNCATE x; $$", "1 OR 1=1", "{{7*7}}",
    "{% raw %}", "${jndi:ldap://x.invalid}", "%s%n%x", "../../etc/passwd", "..\\..\\x", "a/b?c#d", "a%00b",
    "%0d%0aX: y",
    "<https://x.invalid|y>", "*bold* _x_ `y`", "\u202egnp.exe", "a\u200bb", "\ufeffT", "\u0130\u0131", "e\u0301",
    "\U0001f600" * 8, "\U000e0041", "null", "NULL", "undefined", "None", "true", "0", "-0", "1e9", "NaN",
)  # fmt: skip

_BROKEN_UTF8 = (
    b"\x80",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xff\xfe",
    b"\xe2\x82",
    b"\xf0\x9f\x98",
)
_TOKENS = (
    "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1E-400", "0.1e1", "12.5", "-0", "00", "0x1F", "1_0", "+1", ".5",
    "true", "[]", "{}", '["DE"]', '{"a":1}', '"12.50"', '"1e2"', '"NaN"', '""', '" "', "9" * 40, "0." + "9" * 40,
    "1" + "0" * 5_000, "undefined", "'x'", "\"\\u0000\"", "\"\\ud800\"", "\"\\x\"",
)  # fmt: skip
_CODES = (
    "",
    " ",
    "de",
    "DE ",
    " DE",
    "DEU",
    "\uff24\uff25",
    "D\u00cb",
    "\u0415UR",
    "EUR\u0000",
    "ZZZ",
    "pos",
    "P O S",
)


@dataclass(frozen=True, slots=True)
class Odd:
    """One record, and what is odd about it."""

    kind: str
    key: bytes | None
    value: bytes | None


def base(now: datetime, **changes: Any) -> dict[str, Any]:
    """A sound transaction of two seconds ago, with changes; ``...`` takes a field away."""
    document = (
        BASE
        | {
            "transaction_id": "odd-0",
            "occurred_at": (now - timedelta(seconds=2)).isoformat(),
            "device_id": "D-1",
            "customer_id": "C-1",
        }
        | changes
    )
    return {name: value for name, value in document.items() if value is not ...}


def encoded(document: dict[str, Any]) -> bytes:
    """A document as a record has it."""
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def with_token(document: dict[str, Any], name: str, token: bytes) -> bytes:
    """A document in which one field's JSON token is written as given."""
    return encoded(document | {name: "@@"}).replace(b'"@@"', token)


class _Numbered:
    """Gives every record an id of its own, so that only those meant to be duplicates are."""

    def __init__(self, now: datetime) -> None:
        self._now, self._number = now, 0

    def next(self, **changes: Any) -> dict[str, Any]:
        self._number += 1
        return base(self._now, **({"transaction_id": f"odd-{self._number}"} | changes))


def fixed(now: datetime) -> list[Odd]:
    """The corpus, large values left out, in the order in which it is sent."""
    new, key = _Numbered(now), ACCOUNT.encode()
    found = [Odd(kind, key, value) for kind, value in _bytes(new)]
    found += [Odd(kind, key, value) for kind, value in _fields(new, now)]
    found += [
        Odd("keys", other, encoded(new.next()))
        for other in (None, b"", b"\xff", key.lower(), key + b" ", b"\x00", b'"' + key + b'"', b"=1+1")
    ]
    found += [Odd("tombstone", other, None) for other in (key, None, b"", b"\xff")]
    first = [one for one in found if one.kind == "injection"][:40]
    found += [Odd("duplicate", one.key, one.value) for one in first]
    for one in first:
        document = json.loads(one.value or b"")
        found.append(Odd("same id, other content", one.key, encoded(document | {"amount": "99.99"})))
        found.append(Odd("same id, broken", one.key, encoded(document | {"currency": "eur"})))
    return found


def _bytes(new: _Numbered) -> Iterator[tuple[str, bytes]]:
    """What is wrong, or unusual, with a record as a whole."""
    for name in ("transaction_id", "counterparty_id", "amount", "occurred_at", "note"):
        for sequence in _BROKEN_UTF8:
            yield "broken UTF-8", with_token(new.next(), name, b'"' + sequence + b'"')
    whole = encoded(new.next(counterparty_id="Caf\u00e9"))
    for length in range(0, len(whole), 2):
        yield "truncated", whole[:length]
    for depth in (1, 50, 98, 99, 100, 101, 200, 500, 900, 990, 1_000, 5_000, 100_000):
        for begin, end, levels in ((b"[", b"]", 1), (b'{"a":', b"}", 1), (b'[{"a":', b"}]", 2)):
            for inner in (b"1", b'"]}"'):
                times = depth // levels
                yield "nested", with_token(new.next(), "x", begin * times + inner + end * times)
    for amount in (b"12.5", b"1.25e1", b"0.125E+2", b"12.500000000000000", b"1e400", b"1e-400"):
        for inner in (b'{"amount":99}', b'{"amount":1e1}', b'"\\"amount\\": 7"', b'[{"amount": 8.5}]'):
            for name in ("x", "aaa", "zzz"):
                yield (
                    "nested",
                    with_token(new.next(amount="@@", **{name: "##"}), "amount", amount).replace(
                        b'"##"', inner
                    ),
                )
    yield "nested", b"[" * 60_000
    yield "nested", encoded(new.next(x="[" * 500 + "{" * 500))
    yield (
        "nested",
        with_token(new.next(y="\\ud800"), "x", b"[" * 200 + b"]" * 200).replace(b"\\\\ud8", b"\\ud8"),
    )
    for other in (
        b"",
        b" ",
        b"\x00",
        b"\xef\xbb\xbf{}",
        b"null",
        b"[]",
        b'"x"',
        b"1",
        b"{}",
        b"{,}",
        b"{}{}",
        b"{} x",
    ):
        yield "no object", other
    for extra in (b',"amount":"1"', b',"amount":null', b',"x":1,"x":2', b',"":1', b',"\\u0061mount":5', b',"x":1e400',
                  b',"x":NaN', b',"x":' + b"9" * 999, b',"x":' + b"9" * 1_000, b',"x":' + b"9" * 1_001,
                  b',"x":0.' + b"9" * 997, b',"x":0.' + b"9" * 998, b',"x":0.' + b"9" * 999, b',"x":1e' + b"9" * 30,
                  b',"' + b"n" * 49_999 + b'":1', b',"' + b"n" * 50_001 + b'":1', b',"x":"' + b"y" * 64_000 + b'"',
                  b',"x":12345678901234567890123456789012345678901', b',"x":0.1234567890123456789012345678901234567891',
                  b',"x":"\\u0000"', b',"x":"\\ud83d\\ude00"', b',"x":"\\ud83d"', b',"$.amount":1',
                  b',"x":-0.0'):  # fmt: skip
        yield "unknown fields", encoded(new.next())[:-1] + extra + b"}"


def _fields(new: _Numbered, now: datetime) -> Iterator[tuple[str, bytes]]:
    """What is wrong, or unusual, with a field."""
    for name in _FIELDS:
        yield "missing", encoded(new.next(**{name: ...}))
        yield "null", encoded(new.next(**{name: None}))
        for token in _TOKENS:
            yield "types and numbers", with_token(new.next(), name, token.encode())
    for name in ("currency", "transaction_type", "channel", "country"):
        for code in _CODES:
            yield "wrong enum", encoded(new.next(**{name: code}))
    for code in (
        *range(0x20),
        *range(0x7F, 0xA0),
        0xAD,
        0x200B,
        0x2028,
        0x202E,
        0xFEFF,
        0xFFFE,
        0xFFFF,
        0x10FFFF,
    ):
        yield (
            "control characters",
            with_token(new.next(), "counterparty_id", json.dumps(f"a{chr(code)}").encode()),
        )
        if code < 0x20:
            yield "control characters", with_token(new.next(), "device_id", b'"a' + bytes([code]) + b'"')
    for number, text in enumerate(INJECTIONS):
        for name in _IDS:
            value = f"{text[:20]}{number}" if name == "transaction_id" else text[:34]
            yield "injection", encoded(new.next(**{name: value}))
        yield "injection", encoded(new.next(**{text: text, "note": text}))
    yield from (("dates", encoded(new.next(occurred_at=text))) for text in _dates(now))


def _dates(now: datetime) -> Iterator[str]:
    for year in (0, 1, 2, 99, 100, 999, 1000, 1582, 1899, 1900, 1901, 1969, 1970, 1999, 2000, 2038, 2100, 2262, 2263,
                 2999, 3000, 5000, 9998, 9999, 10000):  # fmt: skip
        for rest in (
            "-01-01T00:00:00Z",
            "-12-31T23:59:59.999999999Z",
            "-06-15T12:00:00+18:00",
            "-06-15T12:00:00-18:00",
        ):
            yield f"{year:04d}{rest}"
    for ahead in (-31 * 86_400, -30 * 86_400 + 600, -86_400, -1, 0, 240, 400, 86_400):
        moment = now + timedelta(seconds=ahead)
        yield moment.isoformat()
        yield moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield moment.strftime("%d.%m.%Y %H:%M:%S")
        yield str(int(moment.timestamp()))
    yield from (
        "2026-02-29T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-06-30T23:59:60Z",
        "2026-W10",
        "-2026-01-01T00:00:00Z",
    )


def large(now: datetime, size: int = 10_000_000) -> list[Odd]:
    """Records of about ``size`` bytes: a huge id, unknown field, number, nesting, white space, no text at all, keys."""
    new, key = _Numbered(now), ACCOUNT.encode()
    bodies = (
        encoded(new.next(transaction_id="large-1", counterparty_id="x" * size)),
        encoded(new.next(transaction_id="large-2", note="=1+1" * (size // 4))),
        with_token(new.next(transaction_id="large-3"), "amount", b"9" * size),
        with_token(new.next(transaction_id="large-4"), "x", b"[" * (size // 2) + b"]" * (size // 2)),
        encoded(new.next(transaction_id="large-5")) + b" " * size,
        b"\xff" * size,
        encoded({f"name {n}": n for n in range(size // 20)}),
    )
    huge = (
        Odd("large key", key * (size // len(key)), encoded(new.next(transaction_id="large-6"))),
        Odd("large key", b"\xff" * size, None),
    )
    return [*(Odd("large", key, body) for body in bodies), *huge]


#: JSON as people and programs get it wrong.
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.decimals(allow_nan=False, allow_infinity=False, places=5).map(str)
    | st.sampled_from(INJECTIONS)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_tokens = st.sampled_from([token.encode() for token in _TOKENS]) | _json.map(
    lambda value: json.dumps(value).encode("utf-8", "surrogatepass")
)


@st.composite
def odd_records(draw: st.DrawFn, now: datetime) -> Odd:
    """A record that was sound once."""
    names = draw(st.lists(st.sampled_from([*_FIELDS, "note"]), max_size=3, unique=True))
    document = base(now, transaction_id=draw(st.sampled_from(["odd-1", "odd-2"]) | st.uuids().map(str)))
    value = encoded(document)
    for name in names:
        document.pop(name, None)
        value = encoded(document)
        if draw(st.integers(0, 5)):
            value = value[:-1] + b"," + json.dumps(name).encode() + b":" + draw(_tokens) + b"}"
            try:
                document = json.loads(value, parse_constant=str) | {}
            except (ValueError, RecursionError):
                break
    if not draw(st.integers(0, 3)):
        at = draw(st.integers(0, len(value)))
        value = value[:at] + draw(st.binary(max_size=3)) + value[at + draw(st.integers(0, 3)) :]
    account = document.get("account_id")
    key = account.encode("utf-8", "replace") if isinstance(account, str) else ACCOUNT.encode()
    return Odd("made up", draw(st.just(key) | st.none() | st.binary(max_size=4)) if names else key, value)
