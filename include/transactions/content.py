"""What a transaction says, as a digest: tells a record that came twice from an id that was used twice."""

from __future__ import annotations

from hashlib import blake2b

import pyarrow as pa
import pyarrow.compute as pc

from include.transactions.contract import FIELDS
from include.transactions.schema import TRANSACTION_SCHEMA
from include.transactions.validation import Parsed

#: Bytes of a digest. Who writes both records may search for two that collide: 16 bytes make that 2^64 tries.
DIGEST_BYTES = 16

_NAMES = [rule.name for rule in FIELDS]
#: The contract lets no control character into an id, so that no two contents give one text.
_BETWEEN = "\x1f"


def content_digests(transactions: pa.Table) -> list[bytes]:
    """Digest of what the contract's fields of each transaction say, in row order.

    How a record was written does not matter: white space, order of fields, a number or a string, an offset of the same
    moment. Unknown fields do not count: a source that sends again may well say so there.

    Parameters
    ----------
    transactions
        Columns of ``TRANSACTION_SCHEMA``; further columns are ignored.

    Returns
    -------
    list of bytes
        ``DIGEST_BYTES`` each.
    """
    texts = [_text(transactions[name]) for name in _NAMES]
    joined = pc.binary_join_element_wise(*texts, _BETWEEN).to_pylist()
    return [blake2b(text.encode(), digest_size=DIGEST_BYTES).digest() for text in joined]


def content_digest(transaction: Parsed) -> bytes:
    """The same of one transaction as the reference validator gives it."""
    row = {name: getattr(transaction, name) for name in TRANSACTION_SCHEMA.names}
    return content_digests(pa.Table.from_pylist([row], schema=TRANSACTION_SCHEMA))[0]


def says_the_same(digest: bytes, remembered: bytes | None) -> bool:
    """Whether a transaction repeats what was accepted under its id.

    Parameters
    ----------
    remembered
        None of what was accepted before digests were kept: a repetition is all it can be taken for.
    """
    return remembered is None or remembered == digest


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Values as text; an optional field that is absent is empty, which no id can be."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return pc.fill_null(column.cast(pa.string()), "")
