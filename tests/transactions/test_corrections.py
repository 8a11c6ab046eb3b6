"""Simple corrections: what they change, and that nothing else changes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.transactions.corrections import corrected, corrections_of
from include.transactions.errors import CorrectionRefused


def after(value: bytes, *corrections: dict) -> bytes | None:
    return corrected(value, corrections_of(corrections))


def test_set_rename_drop() -> None:
    value = b'{"ccy": "EUR", "amount": 1.10, "noise": [1.50], "country": "de"}'
    done = after(
        value,
        {"do": "rename", "field": "ccy", "to": "currency"},
        {"do": "drop", "field": "noise"},
        {"do": "set", "field": "country", "value": "DE"},
        {"do": "rename", "field": "absent", "to": "account_id"},
        {"do": "drop", "field": "absent"},
    )
    assert done == b'{"amount":1.10,"country":"DE","currency":"EUR"}'


def test_numbers_keep_the_text_they_were_written_with() -> None:
    assert after(b'{"amount": 12.3400, "n": 1e2}', {"do": "set", "field": "x", "value": 7}) == (
        b'{"amount":12.3400,"n":1e2,"x":7}'
    )


@pytest.mark.parametrize("value", [None, b"{broken", b"[1]", b"\xff"])
def test_what_is_no_object_stays(value) -> None:
    assert after(value, {"do": "set", "field": "a", "value": 1}) == value


@given(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=5)))
def test_a_field_that_is_set_is_the_only_difference(document) -> None:
    done = after(json.dumps(document).encode(), {"do": "set", "field": "country", "value": "FR"})
    assert done is not None
    assert json.loads(done) == document | {"country": "FR"}


@pytest.mark.parametrize(
    "wrong",
    [
        "drop country",
        {"do": "remove", "field": "a"},
        {"do": "set", "field": ""},
        {"do": "rename", "field": "a"},
        {"do": "drop", "field": "a", "value": 1},
        {"do": "set", "field": "a", "to": "b"},
        {"do": "drop", "field": "a", "more": 1},
    ],
)
def test_nonsense_is_refused_with_an_example(wrong) -> None:
    with pytest.raises(CorrectionRefused, match=r"correction 1 of 1: .*rename"):
        corrections_of([wrong])
