"""Pages of deliveries when there is more than an index, or one look, should answer for."""

from datetime import timedelta

import pytest

from include.alerts.delivery import Place, place_key
from include.stores.cassandra import outbox_listing
from tests.alerts.examples import NOON
from tests.stores.cassandra.outboxes import DEAD, PENDING, make

pytestmark = pytest.mark.servers


@pytest.mark.parametrize("few", [1, 2_000])
@pytest.mark.parametrize("size", [3, 40])
def test_a_state_that_many_are_in_is_found_page_by_page(outbox, monkeypatch, few, size):
    monkeypatch.setattr(outbox_listing, "FEW", few)
    monkeypatch.setattr(outbox_listing, "AT_LEAST", 2)
    monkeypatch.setattr(outbox_listing, "AT_MOST", 5)
    rows = []
    for number in range(40):
        at = NOON + timedelta(hours=number, microseconds=number % 3)
        rows.append(make(at, created_at=at))
    outbox.enqueue(rows)
    for one in rows[::4]:
        outbox.dead(outbox.claim(one, rows[-1].arrived_at, 60.0), "550", NOON)
    for state, count in ((DEAD, 10), (PENDING, 30)):
        found, after = [], None
        while page := outbox.recent(size, state, after=after):
            found += page
            after = Place.of(page[-1])
        assert found == sorted(found, key=place_key)
        assert {one.state for one in found} == {state}
        assert len({one.delivery_id for one in found}) == len(found) == count
