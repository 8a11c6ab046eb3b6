"""Disturbances are counted exactly: produced = accepted + duplicates + dead-lettered."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.transactions.encoding import encode
from include.transactions.errors import SimulationError
from include.transactions.simulator import SimulatedBank
from include.transactions.simulator.perturb import BREAKAGES, perturb
from include.transactions.validation import Parsed, validate

START = datetime(2026, 1, 1, tzinfo=UTC)
RECORDS = list(encode(SimulatedBank(1, 60, start=START).day(0).transactions))
ARRIVED_AT, RETENTION = START + timedelta(days=1), timedelta(days=30)

shares = st.floats(0, 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), shares, shares, shares, st.integers(0, len(RECORDS)))
def test_counts_are_what_a_faithful_consumer_finds(
    seed: int, duplicates: float, late: float, malformed: float, n: int
) -> None:
    sent = perturb(RECORDS[:n], seed, duplicates=duplicates, late=late, malformed=malformed)
    judged = [validate(value, key, ARRIVED_AT, RETENTION) for key, value in sent.records]
    accepted = [found.transaction_id for found in judged if isinstance(found, Parsed)]
    assert len(sent.records) == n + sent.duplicates + sent.malformed
    assert len(judged) - len(accepted) == sent.malformed == round(malformed * n)
    assert len(accepted) - len(set(accepted)) == sent.duplicates == round(duplicates * n)
    assert len(set(accepted)) == n
    assert sent.late == round(late * n)


def test_only_late_records_change_places_and_only_backwards() -> None:
    sent = perturb(RECORDS, 3, late=0.1, reach=50)
    assert Counter(sent.records) == Counter(RECORDS)
    place = {record: at for at, record in enumerate(RECORDS)}
    order = [place[record] for record in sent.records]
    behind = sum(earlier < max(order[: at + 1]) for at, earlier in enumerate(order))
    assert 0 < behind <= sent.late
    assert all(at - original <= 50 for at, original in enumerate(order))


def test_a_duplicate_comes_after_its_original() -> None:
    sent = perturb(RECORDS, 4, duplicates=0.3, late=0.3)
    assert len(set(sent.records)) == len(RECORDS)
    assert len(sent.records) == len(RECORDS) + sent.duplicates


def test_same_seed_same_records() -> None:
    one, two, other = (perturb(RECORDS, s, duplicates=0.1, late=0.1, malformed=0.1) for s in (1, 1, 2))
    assert one == two != other


@pytest.mark.parametrize("way", BREAKAGES)
def test_every_breakage_is_refused(way: str) -> None:
    key, value = BREAKAGES[way](*RECORDS[0])
    assert isinstance(validate(value, key, ARRIVED_AT, RETENTION), list)


@pytest.mark.parametrize("wrong", [{"duplicates": -0.1}, {"late": 1.5}, {"malformed": 2.0}])
def test_shares_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(SimulationError, match="between 0 and 1"):
        perturb(RECORDS, 1, **wrong)


def test_reach_out_of_range() -> None:
    with pytest.raises(SimulationError, match="reach >= 1"):
        perturb(RECORDS, 1, reach=0)


def test_half_of_the_broken_are_payments_nobody_else_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Corrected, those are accepted; a corrected copy is a duplicate."""
    monkeypatch.setattr(
        "include.transactions.simulator.perturb.BREAKAGES", {"amount of zero": BREAKAGES["amount of zero"]}
    )
    sent = perturb(RECORDS, 5, malformed=0.2)
    ids = Counter(json.loads(value)["transaction_id"] for _, value in sent.records)
    alone = [one for one in ids if one.endswith("-own")]
    assert len(alone) == sent.malformed // 2
    assert all(ids[one] == 1 for one in alone)
    assert sum(count == 2 for count in ids.values()) == sent.malformed - len(alone)
