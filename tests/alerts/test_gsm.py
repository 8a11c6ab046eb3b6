import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.alerts.gsm import parts_of, to_gsm


@given(st.text(max_size=200))
def test_whatever_comes_becomes_one_line_of_the_alphabet(text: str) -> None:
    written = to_gsm(text)
    assert parts_of(written) >= 1
    assert len(written.splitlines()) <= 1
    assert to_gsm(written) == written


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        # An escape may not be parted from its character: 76 fit where 153 places are.
        ("€" * 152, 2),
        ("€" * 153, 3),
    ],
)
def test_parts_are_counted_as_the_network_does(text: str, parts: int) -> None:
    assert parts_of(text) == parts


def test_what_is_not_in_the_alphabet_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a character of the GSM alphabet"):
        parts_of("•")
