import pytest

from include.stores.cassandra.retention import Retention


def test_hints_outlive_the_deliveries_they_lead_to():
    for outbox, hints in ((90, 89), (0, 400)):
        with pytest.raises(ValueError, match="raise outbox_hints"):
            Retention(outbox=outbox, outbox_hints=hints)
    for outbox, hints in ((90, 90), (0, 0), (90, 0)):
        Retention(outbox=outbox, outbox_hints=hints)


def test_what_would_lose_state_that_is_needed_is_refused():
    with pytest.raises(ValueError, match="features look back"):
        Retention(state=30)
    with pytest.raises(ValueError, match="expected days >= 0 for alerts"):
        Retention(alerts=-1)
