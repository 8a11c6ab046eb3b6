"""What every ResentStore keeps to."""

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.stores.memory.resent import MemoryResentStore
from include.transactions.dead_letter import Place
from include.transactions.resent import LEASE, Resent, ResentState

NOON = datetime(2026, 3, 2, 12, 0, 0, 123_456, tzinfo=UTC)


@pytest.fixture(params=["memory", pytest.param("cassandra", marks=pytest.mark.servers)])
def resent_store(request):
    if request.param == "memory":
        return MemoryResentStore()
    from include.stores.cassandra.resent import CassandraResentStore

    return CassandraResentStore(request.getfixturevalue("cassandra_session"))


@pytest.fixture
def claim():
    """On a dead letter no other test has taken: the servers outlive a test."""
    place = Place(random.randrange(100), random.randrange(2**50))
    return Resent(place, uuid.uuid4(), "T1", b'{"transaction_id":"T1"}', "ann", NOON)


def other(claim, by="bob", after=LEASE):
    return replace(claim, claim_id=uuid.uuid4(), by=by, claimed_at=claim.claimed_at + after)


def test_nobody_has_taken_any_at_first(resent_store, claim):
    assert resent_store.get_many([claim.place]) == {}
    assert resent_store.get_many([]) == {}


def test_the_first_claim_stands(resent_store, claim):
    assert resent_store.claim(claim) == claim
    assert resent_store.claim(other(claim)) == claim
    assert resent_store.get_many([claim.place]) == {claim.place: claim}


def test_of_many_claims_in_one_moment_one_stands(resent_store, claim):
    claims = [other(claim, by=f"user {number}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        stand = set(pool.map(resent_store.claim, claims))
    assert len(stand) == 1
    assert stand < set(claims)


def test_a_claim_is_taken_up_once(resent_store, claim):
    resent_store.claim(claim)
    second, third = other(claim), other(claim, "eve")
    assert resent_store.take_up(claim, second) == second
    assert resent_store.take_up(claim, third) == second
    assert resent_store.get_many([claim.place]) == {claim.place: second}


def test_what_is_sent_is_not_taken_up(resent_store, claim):
    resent_store.claim(claim)
    sent = resent_store.sent(claim, NOON + timedelta(microseconds=7))
    assert sent == replace(claim, state=ResentState.SENT, sent_at=NOON + timedelta(microseconds=7))
    assert resent_store.take_up(claim, other(claim)) == sent
    assert resent_store.claim(other(claim)) == sent
    assert resent_store.sent(claim, NOON + timedelta(hours=1)) == sent


def test_a_confirmation_that_comes_after_the_claim_was_lost_changes_nothing(resent_store, claim):
    resent_store.claim(claim)
    second = resent_store.take_up(claim, other(claim))
    assert resent_store.sent(claim, NOON) == second
    assert resent_store.sent(second, NOON).state is ResentState.SENT


def test_many_at_once(resent_store, claim):
    places = [Place(partition, claim.place.offset + 4_000 * n) for partition in (1, 2) for n in range(10)]
    claims = [resent_store.claim(replace(other(claim), place=place)) for place in places]
    unknown = Place(3, claim.place.offset)
    assert resent_store.get_many([*places, unknown, *places]) == {one.place: one for one in claims}
