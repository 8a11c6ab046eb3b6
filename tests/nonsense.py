"""What people and programs put where something else was meant; strategies for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.transactions.odd_records import INJECTIONS

#: Texts, most of them odd.
texts = (
    st.sampled_from(
        [
            *INJECTIONS, "", " ", "\x00", "\ud800", "x" * 10_000, "-1", "0", "1e400", "nan", "inf",
            "99999999999999999999", "2026-01-01",
             "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30", "12:00", "admin",
            "daily", "monthly", "2026-11", "9999-12", "0000-01", "0:1", "0:-1", "9" * 30 + ":1", "change", "retire",
            "large_amount", "BLOCKED", "TRUSTED", "ACCOUNT", "COUNTRY", "ADD", "END",
        ]
    )
    | st.text(max_size=30)
)  # fmt: skip

#: Whatever JSON can say, and what Python's reader lets through besides.
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)

#: Nested beyond what a stack holds.
deep: object = None
for _ in range(5_000):
    deep = [deep]


def mangled(good: bytes) -> st.SearchStrategy[bytes]:
    """A good file with some bytes cut out, put in or exchanged, or something else altogether."""
    pieces = st.binary(max_size=4) | st.sampled_from(
        [b"\x00", b"\xff\xfe", b"\n", b"\r", b'"', b"'", b": ", b"- ", b"{", b"[", b"&a", b"*a",
         b"!!python/object:os.x",
         b"\t", b"---\n", b"<<: ", b"--", b";", b"/*", b"=", b"\xef\xbb\xbf"]
    )  # fmt: skip
    cut = st.tuples(st.integers(0, len(good)), st.integers(0, 12), pieces)

    def apply(cuts: list[tuple[int, int, bytes]]) -> bytes:
        text = good
        for at, length, piece in cuts:
            text = text[:at] + piece + text[at + length :]
        return text

    nested = st.sampled_from([b"[" * 5_000, b"{" * 5_000, b"- " * 5_000, b"(" * 5_000, b""])
    return st.lists(cut, min_size=1, max_size=4).map(apply) | st.binary(max_size=200) | nested
