"""All metrics as one text for Prometheus; what cannot be read is told as such and costs the others nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family

from include.telemetry import catalogue as c
from include.telemetry.samples import Sample, families, sample

#: A text is handed out again for so long: many who ask cost the stores no more than one.
FRESH_SECONDS = 2.0
#: No part is waited for any longer; Prometheus itself waits ten seconds.
PART_SECONDS = 5.0

#: Reads the samples of one part; may raise anything.
Part = Callable[[], Iterable[Sample]]

log = logging.getLogger(__name__)


class Exposition:
    """The metrics of an installation.

    Parameters
    ----------
    parts
        How each part is read, by name. They are read side by side, and a part that hangs is left alone until it
        comes back.
    """

    def __init__(
        self,
        parts: Mapping[str, Part],
        fresh_seconds: float = FRESH_SECONDS,
        part_seconds: float = PART_SECONDS,
    ) -> None:
        self._parts = dict(parts)
        self._fresh, self._patience = fresh_seconds, part_seconds
        self._pool = ThreadPoolExecutor(len(self._parts), "metrics")
        self._reading: dict[str, Future[list[Sample]]] = {}
        self._lock = Lock()
        self._samples: list[Sample] = []
        self._read_at = float("-inf")

    def text(self, accept: str) -> tuple[bytes, str]:
        """The text, and its media type, in the format that ``accept`` asks for."""
        encode, media_type = choose_encoder(accept)
        return encode(_Registry(list(families(self.samples())))), media_type

    def samples(self) -> list[Sample]:
        """Samples of all parts; those of the last reading if that is not long ago."""
        with self._lock:
            if time.monotonic() - self._read_at >= self._fresh:
                self._samples = list(self._read())
                self._read_at = time.monotonic()
            return self._samples

    def _read(self) -> Iterator[Sample]:
        end = time.monotonic() + self._patience
        for name, part in self._parts.items():
            if name not in self._reading:
                self._reading[name] = self._pool.submit(lambda part=part: list(part()))  # type: ignore[misc]
        for name in self._parts:
            reading = self._reading[name]
            try:
                found = reading.result(max(0.0, end - time.monotonic()))
            except TimeoutError:
                if reading.done():  # its own
                    self._reading.pop(name)
                log.warning("metrics: expected part %s within %.0f s, it takes longer", name, self._patience)
                yield sample(c.UP, 0, part=name)
                continue
            except Exception as error:  # whatever it is, the other parts are told
                log.warning("metrics: part %s cannot be read: %s", name, error)
                found, up = [], 0
            else:
                up = 1
            self._reading.pop(name)
            yield from found
            yield sample(c.UP, up, part=name)


class _Registry:
    """What an encoder asks for families."""

    def __init__(self, found: list[Family]) -> None:
        self._found = found

    def collect(self) -> list[Family]:
        return self._found
