"""The search for what must not be written finds it, wherever it stands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.end_to_end.written import found

WORD = st.text("ab+(|.\u00e9", min_size=1, max_size=6)


@given(st.lists(WORD, min_size=1, max_size=20, unique=True), st.text("ab+(|.\u00e9 ", max_size=60))
def test_whatever_is_there_is_found(words: list[str], text: str) -> None:
    hits = found([("here", text.encode())], {f"what {word}": word for word in words})
    there = {word for word in words if word in text}
    assert bool(hits) == bool(there)
    assert {name.removeprefix("what ") for name in hits.get("here", {})} <= there


def test_it_says_what_and_where() -> None:
    people = {"account A1": "A3-000001", "account A2": "A3-000002", "phone": "+49301"}
    places = [("log", b"x A3-000002 y +49301 A3-000002"), ("other", b"A3-00000")]
    assert found(places, people) == {
        "log": {"account A2": places[0][1].decode(), "phone": places[0][1].decode()}
    }
