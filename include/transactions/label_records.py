"""Records of ``fraud-labels`` as the labelling takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from include.transactions.labels import LabelRecord
from include.transactions.reading import read_between

#: What the client reads ahead, in KiB: a batch of labels takes little more.
_AHEAD = {"queued.max.messages.kbytes": 8_192}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_labels(
    config: Mapping[str, Any], topic: str, start: Mapping[int, int], ends: Mapping[int, int]
) -> Iterator[LabelRecord]:
    """Records between two places; parameters and errors as in ``reading.read_between``."""
    for message in read_between({**config, **_AHEAD}, topic, start, ends):
        _, milliseconds = message.timestamp()
        yield LabelRecord(
            message.partition(),
            message.offset(),
            message.key(),
            message.value(),
            _EPOCH + timedelta(milliseconds=milliseconds),
        )
