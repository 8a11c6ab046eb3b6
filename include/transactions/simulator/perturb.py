"""What goes wrong between a bank and its topic: records sent twice, late, or broken; counted exactly."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from include.transactions.errors import SimulationError
from include.transactions.simulator.streams import Stream, generator

Record = tuple[bytes, bytes]
Breakage = Callable[[bytes, bytes], Record]


@dataclass(frozen=True, slots=True)
class Perturbed:
    """Records in their new sending order, and what was done to them.

    Of a sequence of n valid records with distinct ids, a faithful consumer accepts n, recognises
    ``duplicates`` and refuses ``malformed``; ``late`` ones are among the n.
    """

    records: list[Record]
    duplicates: int
    late: int
    malformed: int


def _edited(field: str, value: object) -> Breakage:
    def breakage(key: bytes, raw: bytes) -> Record:
        return key, json.dumps({**json.loads(raw), field: value}).encode()

    return breakage


def _without(field: str) -> Breakage:
    def breakage(key: bytes, raw: bytes) -> Record:
        return key, json.dumps({k: v for k, v in json.loads(raw).items() if k != field}).encode()

    return breakage


def _of_its_own(key: bytes, raw: bytes) -> Record:
    """As another payment like this one, which nobody else has sent."""
    document = json.loads(raw)
    return key, json.dumps({**document, "transaction_id": f"{document['transaction_id'][:60]}-own"}).encode()


#: Ways to break a record; each result is refused by the contract.
BREAKAGES: dict[str, Breakage] = {
    "cut off": lambda key, raw: (key, raw[: len(raw) // 2]),
    "empty": lambda key, raw: (key, b""),
    "not UTF-8": lambda key, raw: (key, b"\xff\xfe" + raw),
    "not JSON": lambda key, raw: (key, b"id;account;amount"),
    "an array": lambda key, raw: (key, b"[" + raw + b"]"),
    "key of another account": lambda key, raw: (key + b"?", raw),
    "no account": _without("account_id"),
    "amount of zero": _edited("amount", 0),
    "negative amount": _edited("amount", "-12.50"),
    "amount of true": _edited("amount", True),
    "five decimals": _edited("amount", "1.00001"),
    "unknown currency": _edited("currency", "EURO"),
    "unknown type": _edited("transaction_type", "PAYMENT"),
    "no offset": _edited("occurred_at", "2026-01-01T12:00:00"),
    "control character": _edited("counterparty_id", "M-\u0000"),
    "id too long": _edited("transaction_id", "x" * 65),
}


def perturb(
    records: Sequence[Record],
    seed: int,
    *,
    duplicates: float = 0.0,
    late: float = 0.0,
    malformed: float = 0.0,
    reach: int = 200,
) -> Perturbed:
    """Add disturbances to encoded records.

    Parameters
    ----------
    records
        (key, value) in sending order; left as they are.
    duplicates, late, malformed
        How many, as a share of ``len(records)`` between 0 and 1, rounded to whole records: sent again later
        byte by byte; moved back in the sending order (never in event time); added broken. Of the broken ones every
        other is a copy of a record that is sent sound as well, and the rest are payments of their own, which arrive
        only broken: corrected and sent again those are accepted, and copies are duplicates.
    reach
        By how many places at most a late record or a duplicate is behind, >= 1.

    Raises
    ------
    SimulationError
        A share or ``reach`` is out of range.
    """
    if not all(0 <= share <= 1 for share in (duplicates, late, malformed)) or reach < 1:
        raise SimulationError(
            f"expected shares between 0 and 1 and reach >= 1, found duplicates={duplicates}, late={late},"
            f" malformed={malformed}, reach={reach}; correct the one that is out of range"
        )
    rng = generator(seed, Stream.PERTURB)
    n = len(records)
    counts = [round(share * n) for share in (duplicates, late, malformed)]
    place = np.arange(n, dtype=np.float64)
    moved = rng.choice(n, counts[1], replace=False) if n else np.zeros(0, np.int64)
    place[moved] += rng.uniform(1, reach + 1, counts[1])
    repeated = rng.choice(n, counts[0], replace=False) if n else moved
    broken = rng.choice(n, counts[2], replace=False) if n else moved
    ways = rng.permutation(np.arange(counts[2]) % len(BREAKAGES))
    breakages = list(BREAKAGES.values())
    everything = [
        *records,
        *(records[i] for i in repeated),
        *(
            breakages[way](*(_of_its_own(*records[i]) if number % 2 else records[i]))
            for number, (i, way) in enumerate(zip(broken, ways, strict=True))
        ),
    ]
    places = np.concatenate(
        [place, place[repeated] + rng.uniform(0.5, reach, counts[0]), rng.uniform(0, max(n, 1), counts[2])]
    )
    order = np.argsort(places, kind="stable")
    return Perturbed([everything[i] for i in order], *counts)
