"""State as bytes: how a key's past is laid out, and reading many keys at once.

A state is a run of records of one size::

    header │ buckets of a heavy key (oldest first) │ labels │ events (by time, then tie)

Only counterparties have labels: what is known to be fraud among the payments to them.

All records of a kind have the same size, so the states of a whole batch are joined and read by one
``numpy.frombuffer``. Little-endian throughout. Times are microseconds since 1970 UTC, amounts whole
numbers of 1/10000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from include.features.clock import LABELLED_RETENTION, RETENTION
from include.features.errors import StateFormatError
from include.features.windows import Int, ranges

Records = npt.NDArray[Any]

MAGIC = 0x53574454  # "TDWS"
STATE_VERSION = 2

_EVENT = [("time", "<i8"), ("tie", "<u8"), ("amount", "<i8"), ("other", "<u8")]
#: The amount over the payer's median when it was paid; NaN without a past.
_COUNTERPARTY_ONLY = [("ratio", "<f8")]
_ACCOUNT_ONLY = [("device", "<u4"), ("country", "<i2"), ("type", "i1"), ("spare", "u1")]
_HEADER = [("magic", "<u4"), ("version", "<u2"), ("kind", "<u2"), ("buckets", "<u4"), ("events", "<u4")]
_LABELS = [("labels", "<u4")]
_BUCKET = [("minute", "<u4"), ("count", "<u4"), ("high", "<i8"), ("low", "<i8"), ("max", "<i8")]
#: ``time`` and ``tie`` are those of the transaction a label speaks of.
_LABEL = [("time", "<i8"), ("tie", "<u8"), ("known", "<i8"), ("fraud", "u1")]


def _padded(fields: list[tuple[str, str]], size: int) -> np.dtype[Any]:
    used = np.dtype(fields).itemsize
    return np.dtype([*fields, ("padding", f"V{size - used}")] if size > used else fields)


@dataclass(frozen=True)
class Layout:
    """The records of one kind of state; all four dtypes have the same size."""

    kind: str
    number: int  # in the header, so that an account's state is never read as a counterparty's
    retention: int  # microseconds the events reach back from the newest one
    event: np.dtype[Any]
    header: np.dtype[Any]
    bucket: np.dtype[Any]
    label: np.dtype[Any]

    @classmethod
    def of(cls, kind: str, number: int, retention: int, event: np.dtype[Any]) -> Layout:
        """Pad header, bucket and label to the size of the event."""
        others = (_padded(fields, event.itemsize) for fields in (_HEADER + _LABELS, _BUCKET, _LABEL))
        return cls(kind, number, retention, event, *others)

    @property
    def size(self) -> int:
        """Bytes of one record."""
        return self.event.itemsize

    def headers(self, buckets: Int, labels: Int, events: Int) -> Records:
        """Headers for states with so many buckets, labels and events."""
        made = np.zeros(len(events), dtype=self.header)
        made["magic"], made["version"], made["kind"] = MAGIC, STATE_VERSION, self.number
        made["buckets"], made["labels"], made["events"] = buckets, labels, events
        return made


#: ``other`` is the counterparty's hash.
ACCOUNT = Layout.of("account", 1, RETENTION, np.dtype(_EVENT + _ACCOUNT_ONLY))
#: ``other`` is the account's hash.
COUNTERPARTY = Layout.of("counterparty", 2, LABELLED_RETENTION, np.dtype(_EVENT + _COUNTERPARTY_ONLY))


@dataclass(frozen=True)
class Unpacked:
    """States of many keys, key after key."""

    records: Records  # per key: one slot, then its events
    events: Int  # (keys,) number of events
    buckets: Records  # of all keys, key after key
    bucket_counts: Int  # (keys,)
    labels: Records  # of all keys, key after key
    label_counts: Int  # (keys,)


def unpack(layout: Layout, keys: Sequence[str], states: Sequence[bytes | None]) -> Unpacked:
    """Read the states of many keys; None stands for a key without a past.

    Raises
    ------
    StateFormatError
        A state is of another version or kind, or cut short.
    """
    nothing = np.zeros(1, np.int64)
    empty = layout.headers(nothing, nothing, nothing).tobytes()
    blobs = [empty if state is None else state for state in states]
    sizes = np.fromiter(map(len, blobs), dtype=np.int64, count=len(blobs))
    _refuse(layout, keys, blobs, (sizes == 0) | (sizes % layout.size != 0))
    counts = sizes // layout.size
    first = np.cumsum(counts) - counts
    raw = np.frombuffer(b"".join(blobs), dtype=layout.event)
    headers = raw[first].view(layout.header)
    buckets, labels, events = (headers[name].astype(np.int64) for name in ("buckets", "labels", "events"))
    foreign = (headers["magic"] != MAGIC) | (headers["version"] != STATE_VERSION)
    foreign |= (headers["kind"] != layout.number) | (counts != 1 + buckets + labels + events)
    _refuse(layout, keys, blobs, foreign)
    if not (buckets.any() or labels.any()):
        none = np.zeros(0, dtype=layout.event)
        return Unpacked(raw, events, none.view(layout.bucket), buckets, none.view(layout.label), labels)
    bucketed, labelled = ranges(first + 1, buckets), ranges(first + 1 + buckets, labels)
    single = np.ones(len(raw), dtype=bool)
    single[bucketed] = single[labelled] = False
    return Unpacked(
        raw[single],
        events,
        raw[bucketed].view(layout.bucket),
        buckets,
        raw[labelled].view(layout.label),
        labels,
    )


def _refuse(layout: Layout, keys: Sequence[str], blobs: Sequence[bytes], bad: npt.NDArray[np.bool_]) -> None:
    if bad.any():
        at = int(np.argmax(bad))
        raise StateFormatError(
            f"expected the {layout.kind} state of {keys[at]!r} in format {STATE_VERSION} "
            f"({layout.size}-byte records), got {len(blobs[at])} bytes starting {blobs[at][:8].hex()!r}; "
            "rebuild the states from the lake with include.features.history"
        )
