"""Features against a state store: read before the batch, compute, write under the batch."""

from __future__ import annotations

import pyarrow as pa

from include.features.compute import FeatureResult, compute, keys_of
from include.stores.ports import StateStore


class FeatureEngine:
    """Features of numbered batches, in order.

    ``run`` reads only versions of earlier batches and writes nothing, ``commit`` writes under the
    batch's own number: a batch done twice, wherever the first try broke off, gives the same features
    and leaves the same states.
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def run(self, batch: pa.Table, batch_number: int, labels: pa.Table | None = None) -> FeatureResult:
        """Features of the batch; see :func:`include.features.compute.compute`.

        A batch done again has to come with the labels it came with the first time.
        """
        wanted = keys_of(batch, labels)
        states = {kind: self._store.read(kind, keys, batch_number) for kind, keys in wanted.items()}
        return compute(batch, states, labels=labels)

    def commit(self, result: FeatureResult, batch_number: int) -> None:
        """Write the new states as version ``batch_number``; again replaces the same version."""
        for kind, states in result.states.items():
            self._store.write(kind, states, batch_number)
