"""Odd records and what the contract says of each: for the reference validator and for Spark's expressions.

Every case is judged as having arrived at ``ARRIVED_AT`` under ``RETENTION``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from include.transactions import contract as c

ARRIVED_AT = datetime(2026, 3, 10, 12, 0, 0, tzinfo=UTC)
RETENTION = timedelta(days=30)

BASE: dict[str, Any] = {
    "transaction_id": "T-1",
    "account_id": "DE02120300000000202051",
    "counterparty_id": "M-1",
    "amount": "12.50",
    "currency": "EUR",
    "transaction_type": "CARD_PAYMENT",
    "channel": "POS",
    "country": "DE",
    "occurred_at": "2026-03-10T11:59:58Z",
}
KEY = b"DE02120300000000202051"


@dataclass(frozen=True)
class Case:
    """One record; ``reasons`` is empty if it is accepted.

    ``columns`` are values an accepted record must have (a subset); ``extra`` compares as parsed JSON.
    """

    name: str
    value: bytes | None
    reasons: tuple[str, ...] = ()
    key: bytes | None = KEY
    columns: tuple[tuple[str, str], ...] = ()
    extra: str | None = None


CASES: list[Case] = []


def _add(name: str, value: bytes | None, *reasons: str, key: bytes | None = KEY, extra: str | None = None,
         **columns: str) -> None:  # fmt: skip
    CASES.append(Case(name, value, reasons, key, tuple(columns.items()), extra))


def event(**changes: Any) -> bytes:
    """Encode the base event with changes; a value of ``...`` takes the field away."""
    document = {name: value for name, value in {**BASE, **changes}.items() if value is not ...}
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


def raw(field: str, token: str) -> bytes:
    """Encode the base event with one field's JSON token written as given."""
    document = {**BASE, field: "@@"}
    return json.dumps(document).replace('"@@"', token).encode("utf-8", "surrogatepass")


def _with(text: str) -> bytes:
    """Append text to the base event, before its closing brace."""
    return (json.dumps(BASE)[:-1] + text + "}").encode()


# --- the record ---------------------------------------------------------------------------------------
_add("plain", event(), transaction_id="T-1", amount="12.5000", occurred_at="2026-03-10T11:59:58+00:00")
_add("tombstone", None, c.REASON_TOMBSTONE)
_add("tombstone without key", None, c.REASON_TOMBSTONE, key=None)
_add("empty value", b"", c.REASON_MALFORMED)
_add("white space only", b" \n\t ", c.REASON_MALFORMED)
_add("latin-1", event(counterparty_id="Café").decode().encode("latin-1"), c.REASON_NOT_UTF8)
_add("bare continuation byte", b"\x80" + event(), c.REASON_NOT_UTF8)
_add("overlong slash", raw("counterparty_id", '"@"').replace(b"@", b"\xc0\xaf"), c.REASON_NOT_UTF8)
_add("surrogate as bytes", raw("counterparty_id", '"@"').replace(b"@", b"\xed\xa0\x80"), c.REASON_NOT_UTF8)
_add("beyond U+10FFFF", raw("counterparty_id", '"@"').replace(b"@", b"\xf4\x90\x80\x80"), c.REASON_NOT_UTF8)
_add("cut within a character", event()[:-1] + "é".encode()[:1], c.REASON_NOT_UTF8)
_add("UTF-16", event().decode().encode("utf-16"), c.REASON_NOT_UTF8)
_add("cut off", event()[:40], c.REASON_MALFORMED)
_add("no closing brace", event()[:-1], c.REASON_MALFORMED)
_add("trailing comma", _with(","), c.REASON_MALFORMED)
_add("something after the object", event() + b" x", c.REASON_MALFORMED)
_add("two objects", event() + event(), c.REASON_MALFORMED)
_add("second brace", event() + b"}", c.REASON_MALFORMED)
_add("single quotes", event().replace(b'"', b"'"), c.REASON_MALFORMED)
_add("unquoted name", event().replace(b'"amount"', b"amount"), c.REASON_MALFORMED)
_add("comment", b"/* x */" + event(), c.REASON_MALFORMED)
_add("line comment at the end", event() + b"// x", c.REASON_MALFORMED)
_add("CSV", b"T-1;DE02;12.50", c.REASON_MALFORMED)
_add("XML", b"<transaction/>", c.REASON_MALFORMED)
_add("byte order mark", b"\xef\xbb\xbf" + event(), c.REASON_MALFORMED)
_add("raw line break in a string", raw("counterparty_id", '"M\n1"'), c.REASON_MALFORMED)
_add("raw NUL in a string", raw("counterparty_id", '"M\x001"'), c.REASON_MALFORMED)
_add("unknown escape", raw("counterparty_id", '"M\\x1"'), c.REASON_MALFORMED)
_add("short unicode escape", raw("counterparty_id", '"\\u12"'), c.REASON_MALFORMED)
_add("capital True", raw("amount", "True"), c.REASON_MALFORMED)
_add("NaN", raw("amount", "NaN"), c.REASON_MALFORMED)
_add("Infinity", raw("amount", "Infinity"), c.REASON_MALFORMED)
_add("-Infinity", raw("amount", "-Infinity"), c.REASON_MALFORMED)
_add("NaN in an unknown field", _with(',"x":NaN'), c.REASON_MALFORMED)
_add("60,000 brackets", b"[" * 60_000, c.REASON_MALFORMED)
_FILL = "y" * (c.MAX_VALUE_BYTES - len(json.dumps(BASE)) - 7)
_add("as large as may be", _with(f',"x":"{_FILL}"'), extra=f'{{"x":"{_FILL}"}}')
_add(
    "one byte too large",
    _with(f',"x":"{_FILL}y"'),
    c.REASON_SIZE,
)
_add("too large and not UTF-8", b"\xff" * (c.MAX_VALUE_BYTES + 1), c.REASON_SIZE)
_add("10 MB", _with(',"x":"' + "y" * 10_000_000 + '"'), c.REASON_SIZE)
_add("100 levels", _with(',"x":' + "[" * 99 + "]" * 99), extra='{"x":' + "[" * 99 + "]" * 99 + "}")
_add("101 levels", _with(',"x":' + "[" * 100 + "]" * 100), c.REASON_MALFORMED)
_add(
    "brackets in a text are no levels", _with(',"x":"' + "[{" * 200 + '"'), extra='{"x":"' + "[{" * 200 + '"}'
)
_beside = '"x":[' + ",".join(["[]"] * 200) + "]"
_add("200 lists beside each other", _with(f",{_beside}"), extra="{" + _beside + "}")
_add(
    "too deep and a lone surrogate", _with(',"y":"\\ud800","x":' + "[" * 200 + "]" * 200), c.REASON_MALFORMED
)
_add("1,000 digits", _with(',"x":' + "9" * 1_000), extra='{"x":"Infinity"}')
_add("1,001 digits", _with(',"x":' + "9" * 1_001), c.REASON_MALFORMED)
_add("a number beyond every double", _with(',"x":-1e400'), extra='{"x":"-Infinity"}')
_add("a name of 50,001 characters", _with(',"' + "n" * 50_001 + '":1'), c.REASON_MALFORMED)
for _written in ("12.5", "1.25e1"):
    _add(
        f"amount {_written} and another within a field",
        raw("amount", _written)[:-1] + b',"x":{"amount":99.5},"y":[{"amount":1e1}]}',
        amount="12.5000",
        extra='{"x":{"amount":99.5},"y":[{"amount":1e1}]}',
    )
for _name, _other in (("an object", {"fees": {"amount": 0.35}}), ("a list", {"fees": [{"amount": 1}]}),
                      ("another name", {"Amount": 7, "fees": {"amount": 0.35}})):  # fmt: skip
    _add(f"no amount, but one within {_name}", event(amount=..., **_other), "amount: missing or null")
_add("array", b"[" + event() + b"]", c.REASON_NOT_OBJECT)
_add("empty array", b"[]", c.REASON_NOT_OBJECT)
_add("string", b'"T-1"', c.REASON_NOT_OBJECT)
_add("number", b"12.5", c.REASON_NOT_OBJECT)
_add("null", b"null", c.REASON_NOT_OBJECT)
_add("true", b"true", c.REASON_NOT_OBJECT)
_add("lone high surrogate", raw("counterparty_id", '"\\ud83d"'), c.REASON_SURROGATE)
_add("lone low surrogate", raw("counterparty_id", '"\\uDE00"'), c.REASON_SURROGATE)
_add("surrogates in wrong order", raw("counterparty_id", '"\\ude00\\ud83d"'), c.REASON_SURROGATE)
_add("lone surrogate in an unknown field", _with(',"x":"\\uD800"'), c.REASON_SURROGATE)
_add("lone surrogate after an escaped backslash", raw("counterparty_id", '"\\\\\\ud83d"'), c.REASON_SURROGATE)
_add("surrogate pair", raw("counterparty_id", '"\\ud83d\\ude00"'), counterparty_id="\U0001f600")
_add("escaped backslash before ud83d", raw("counterparty_id", '"\\\\ud83d"'), counterparty_id="\\ud83d")
_add("white space around", b" \r\n\t" + event() + b"\n ")
_add("pretty printed", json.dumps(BASE, indent=2).encode())
_add("name given twice, last is good", _with(',"currency":"USD"'), currency="USD")
_add("name given twice, last is bad", _with(',"currency":"usd"'), c.REASON_CURRENCY)
_add("name given twice, last is null", _with(',"currency":null'), c.REASON_CURRENCY_MISSING)
_add("escaped name", event().replace(b'"amount"', b'"\\u0061mount"'), amount="12.5000")
_add(
    "empty object",
    b"{}",
    *(rule.reason_missing for rule in c.FIELDS if rule.reason_missing is not None),
)
_add(
    "every field wrong",
    json.dumps({rule.name: [] for rule in c.FIELDS}).encode(),
    *(rule.reason_type for rule in c.FIELDS),
)
_add(
    "three fields wrong",
    event(amount="0", country="UK", occurred_at="yesterday"),
    c.REASON_AMOUNT,
    c.REASON_COUNTRY,
    c.REASON_OCCURRED_AT_FORMAT,
)

# --- the key ------------------------------------------------------------------------------------------
_add("no key", event(), c.REASON_KEY, key=None)
_add("empty key", event(), c.REASON_KEY, key=b"")
_add("another key", event(), c.REASON_KEY, key=b"DE02")
_add("key in quotes", event(), c.REASON_KEY, key=b'"DE02120300000000202051"')
_add("key with a blank", event(), c.REASON_KEY, key=KEY + b" ")
_add("key in lower case", event(), c.REASON_KEY, key=KEY.lower())
_add("key not UTF-8", event(), c.REASON_KEY, key=b"\xff")
_add("no account: the key is not judged", event(account_id=...), c.REASON_ACCOUNT_ID_MISSING, key=None)
_add("account is a number: the key is not judged", event(account_id=1), c.REASON_ACCOUNT_ID_TYPE, key=b"1")
_add("account beyond ASCII", event(account_id="Konto-ä"), key="Konto-ä".encode())
_add("empty account, empty key", event(account_id=""), c.REASON_ACCOUNT_ID_LENGTH, key=b"")

# --- ids ----------------------------------------------------------------------------------------------
for _name, _limit in (("transaction_id", 64), ("account_id", 34), ("counterparty_id", 34),
                      ("device_id", 64), ("customer_id", 64)):  # fmt: skip
    _rule = next(rule for rule in c.FIELDS if rule.name == _name)
    _length, _control = _rule.reasons

    def _key_for(value: str, name: str = _name) -> bytes:
        return value.encode() if name == "account_id" else KEY

    _absent = () if _rule.reason_missing is None else (_rule.reason_missing,)
    _add(f"{_name} null", event(**{_name: None}), *_absent)
    _add(f"{_name} missing", event(**{_name: ...}), *_absent)
    _add(f"{_name} a number", event(**{_name: 17}), _rule.reason_type)
    _add(f"{_name} a boolean", event(**{_name: True}), _rule.reason_type)
    _add(f"{_name} an object", event(**{_name: {"id": "x"}}), _rule.reason_type)
    _add(f"{_name} empty", event(**{_name: ""}), _length, key=_key_for(""))
    _add(f"{_name} at its longest", event(**{_name: "x" * _limit}), key=_key_for("x" * _limit))
    _add(
        f"{_name} one too long",
        event(**{_name: "x" * (_limit + 1)}),
        _length,
        key=_key_for("x" * (_limit + 1)),
    )
    _emoji = "\U0001f600" * _limit
    _add(f"{_name} counted in code points", event(**{_name: _emoji}), key=_key_for(_emoji))
    _add(f"{_name} with a tab", event(**{_name: "a\tb"}), _control, key=_key_for("a\tb"))
    _add(f"{_name} ends in a line break", event(**{_name: "a\n"}), _control, key=_key_for("a\n"))
    _add(f"{_name} with NUL", event(**{_name: "a\u0000"}), _control, key=_key_for("a\u0000"))
_add("DEL in an id", event(counterparty_id="a\u007f"), c.REASON_COUNTERPARTY_ID_CONTROL)
_add("C1 control in an id", event(counterparty_id="a\u0085b"), c.REASON_COUNTERPARTY_ID_CONTROL)
_add(
    "too long and a control character",
    event(counterparty_id="\u0001" * 35),
    c.REASON_COUNTERPARTY_ID_LENGTH,
    c.REASON_COUNTERPARTY_ID_CONTROL,
)
_add("blank as id", event(counterparty_id=" "), counterparty_id=" ")
_add("blanks around an id stay", event(counterparty_id=" a "), counterparty_id=" a ")
_add("no-break space in an id", event(counterparty_id="a\u00a0b"), counterparty_id="a\u00a0b")
_add("quotes and backslashes in an id", event(counterparty_id='a"b\\c/d'), counterparty_id='a"b\\c/d')
_add("markup in an id", event(counterparty_id="<b>x</b>"), counterparty_id="<b>x</b>")
_add("the word null as id", event(counterparty_id="null"), counterparty_id="null")
_add("digits as id", event(counterparty_id="00042"), counterparty_id="00042")
_add("device and customer", event(device_id="D-1", customer_id="C-1"), device_id="D-1", customer_id="C-1")

# --- amount -------------------------------------------------------------------------------------------
for _token, _value in (
    ("12.5", "12.5000"),
    ("1", "1.0000"),
    ("0.0001", "0.0001"),
    ("0.10000", "0.1000"),
    ("1000000000000", "1000000000000.0000"),
    ("1e12", "1000000000000.0000"),
    ("1E+2", "100.0000"),
    ("1.0E7", "10000000.0000"),
    ("12.345e1", "123.4500"),
    ("5.0E-4", "0.0005"),
    ("999999999999.9999", "999999999999.9999"),
    ("123456789012.3456", "123456789012.3456"),
    ('"12.50"', "12.5000"),
    ('"0.0001"', "0.0001"),
    ('"1000000000000.0000"', "1000000000000.0000"),
    ('"1e2"', "100.0000"),
    ('"\\u0031"', "1.0000"),
):
    _add(f"amount {_token}", raw("amount", _token), amount=_value)
for _token in (
    *("0", "0.0", "-0", "0e5", "-1", "-0.01", "0.00001", "1.00001", "1e-5"),
    *("1000000000000.0001", "1000000000001", "1e13", "1e99", "1e400", "12345678901234567890"),
    *("0.30000000000000004", "1.000000000000001"),
    *('""', '" "', '"0"', '"-5"', '"+5"'),
    *('" 5"', '"5 "', '"5\\n"', '"1,50"', '"1.234,50"', '"1 000"', '"1_000"'),
    *('"NaN"', '"Infinity"', '"1e"'),
    *('".5"', '"5."', '"05"', '"0x10"', '"12.50 EUR"', '"five"', '"true"', '"null"'),
    '"\u0661\u0662"',
):  # fmt: skip
    _add(f"amount {_token}", raw("amount", _token), c.REASON_AMOUNT)
for _token in ("true", "false", "[]", "[5]", "{}", '{"value":5}'):
    _add(f"amount {_token}", raw("amount", _token), c.REASON_AMOUNT_TYPE)
_add("amount null", raw("amount", "null"), c.REASON_AMOUNT_MISSING)
_add("amount missing", event(amount=...), c.REASON_AMOUNT_MISSING)
for _token in ("05", ".5", "5.", "+5", "1e", "0x10", "1_000", "--1"):
    _add(f"amount {_token} is no JSON", raw("amount", _token), c.REASON_MALFORMED)

# --- codes --------------------------------------------------------------------------------------------
for _name, _good, _bad in (
    ("currency", ("USD", "JPY", "XAU"), ("eur", "EURO", "EU", "€", "ZZZ", "", "EUR ", "EUR\n", "978")),
    ("transaction_type", ("DEPOSIT", "ATM_WITHDRAWAL"), ("card_payment", "PAYMENT", "", "CARD PAYMENT")),
    ("channel", ("BRANCH", "MOBILE"), ("pos", "WEB", "", "POS ")),
    ("country", ("GB", "TW"), ("UK", "de", "DEU", "EU", "", "ZZ", "D")),
):
    _rule = next(rule for rule in c.FIELDS if rule.name == _name)
    for _code in _good:
        _add(f"{_name} {_code}", event(**{_name: _code}), **{_name: _code})
    for _code in _bad:
        _add(f"{_name} {_code!r}", event(**{_name: _code}), _rule.reasons[0])
    _add(f"{_name} null", event(**{_name: None}), str(_rule.reason_missing))
    _add(f"{_name} missing", event(**{_name: ...}), str(_rule.reason_missing))
    _add(f"{_name} a number", event(**{_name: 978}), _rule.reason_type)
    _add(f"{_name} a list", event(**{_name: ["EUR"]}), _rule.reason_type)

# --- occurred_at --------------------------------------------------------------------------------------
for _text, _utc in (
    ("2026-03-10T12:00:00Z", "2026-03-10T12:00:00+00:00"),
    ("2026-03-10t12:00:00z", "2026-03-10T12:00:00+00:00"),
    ("2026-03-10T13:00:00+01:00", "2026-03-10T12:00:00+00:00"),
    ("2026-03-10T01:30:00-10:30", "2026-03-10T12:00:00+00:00"),
    ("2026-03-10T12:00:00-00:00", "2026-03-10T12:00:00+00:00"),
    ("2026-03-11T06:00:00+18:00", "2026-03-10T12:00:00+00:00"),
    ("2026-03-10T12:05:00Z", "2026-03-10T12:05:00+00:00"),
    ("2026-02-08T12:00:00Z", "2026-02-08T12:00:00+00:00"),
    ("2026-02-28T23:59:59.5Z", "2026-02-28T23:59:59.500000+00:00"),
    ("2026-03-10T11:00:00.123456Z", "2026-03-10T11:00:00.123456+00:00"),
    ("2026-03-10T11:00:00.123456999Z", "2026-03-10T11:00:00.123456+00:00"),
    ("2026-03-10T11:00:00.000000001+00:00", "2026-03-10T11:00:00+00:00"),
):
    _add(f"occurred_at {_text}", event(occurred_at=_text), occurred_at=_utc)
for _text in (
    *("", "now", "2026-03-10", "2026-03-10T12:00:00", "2026-03-10 12:00:00Z", "2026-03-10T12:00Z"),
    *("2026-03-10T12:00:00 Z", "2026-03-10T12:00:00Z ", "2026-03-10T12:00:00Z\n", " 2026-03-10T12:00:00Z"),
    *("2026-03-10T12:00:00+0100", "2026-03-10T12:00:00+01", "2026-03-10T12:00:00+18:01"),
    "2026-03-10T12:00:00+24:00",
    *("2026-03-10T12:00:00,5Z", "2026-03-10T12:00:00.Z", "2026-03-10T12:00:00.1234567890Z"),
    *("2026-02-29T12:00:00Z", "2026-02-30T12:00:00Z", "2026-13-01T12:00:00Z", "2026-00-10T12:00:00Z"),
    *("2026-03-10T24:00:00Z", "2026-03-10T12:60:00Z", "2026-03-10T12:00:60Z", "2026-3-10T12:00:00Z"),
    *("20260310T120000Z", "2026-W11-2T12:00:00Z", "0000-03-10T12:00:00Z", "+2026-03-10T12:00:00Z"),
    *("10.03.2026 12:00:00", "1773144000", "2026-03-10T12:00:00[UTC]", "2026-03-10T12:00:00 Europe/Berlin"),
    "\u0662026-03-10T12:00:00Z",
):  # fmt: skip
    _add(f"occurred_at {_text!r}", event(occurred_at=_text), c.REASON_OCCURRED_AT_FORMAT)
for _text in ("2026-03-10T12:05:00.000001Z", "2026-03-10T13:00:00Z", "2026-03-10T12:05:01+00:00",
              "2026-03-10T12:00:00-01:00", "2999-12-31T23:59:59Z"):  # fmt: skip
    _add(f"occurred_at {_text}", event(occurred_at=_text), c.REASON_OCCURRED_AT_FUTURE)
for _text in ("2026-02-08T11:59:59.999999Z", "2025-03-10T12:00:00Z", "1970-01-01T00:00:00Z",
              "1000-01-01T00:00:00+18:00"):  # fmt: skip
    _add(f"occurred_at {_text}", event(occurred_at=_text), c.REASON_OCCURRED_AT_OLD)
_add("occurred_at a number", event(occurred_at=1773144000), c.REASON_OCCURRED_AT_TYPE)
_add("occurred_at null", event(occurred_at=None), c.REASON_OCCURRED_AT_MISSING)
_add("occurred_at missing", event(occurred_at=...), c.REASON_OCCURRED_AT_MISSING)

# --- unknown fields -----------------------------------------------------------------------------------
_add("unknown field", event(note="x"), extra='{"note":"x"}')
_add("unknown fields are sorted", event(zeta=1, alpha=2), extra='{"alpha":2,"zeta":1}')
_add("unknown null", event(note=None), extra='{"note":null}')
_add("unknown boolean", event(note=False), extra='{"note":false}')
_add("unknown object", event(geo={"lon": 13, "lat": [52, "N"]}), extra='{"geo":{"lat":[52,"N"],"lon":13}}')
_add("unknown text beyond ASCII", event(note="Zürich \U0001f600"), extra='{"note":"Zürich \U0001f600"}')
_add("unknown text with quotes", event(note='a"b\\c\n'), extra='{"note":"a\\"b\\\\c\\n"}')
_add("names are case-sensitive", event(Amount="x", AMOUNT="y"), extra='{"AMOUNT":"y","Amount":"x"}')
_add("name with a dot", event(**{"a.b": 1, "$": 2}), extra='{"$":2,"a.b":1}')
_add("empty name", event(**{"": 1}), extra='{"":1}')
_add("unknown name given twice", _with(',"x":1,"x":2'), extra='{"x":2}')
_add("nested name given twice", _with(',"x":{"y":1,"y":2}'), extra='{"x":{"y":2}}')
_add("known name inside another object", event(inner={"amount": 1}), extra='{"inner":{"amount":1}}')
_add("50 levels deep", _with(',"x":' + "[" * 50 + "]" * 50), extra='{"x":' + "[" * 50 + "]" * 50 + "}")
_add("decimal in an unknown field", _with(',"x":1.25'), extra='{"x":1.25}')
_add("misspelt optional field", event(deviceid="D"), extra='{"deviceid":"D"}')
_add("wrong case of a required field", event(country=..., Country="DE"), c.REASON_COUNTRY_MISSING)
