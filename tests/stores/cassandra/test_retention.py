import pytest

from include.orchestration import tasks, upkeep
from include.settings import settings
from include.stores.cassandra.errors import MigrationInvalid
from include.stores.cassandra.migrations import migrate
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


def test_ids_are_remembered_for_longer_than_an_event_may_be_late():
    for days in (40, 3_650):
        with pytest.raises(
            MigrationInvalid, match=rf"seen=40 days and stream\.retention_days={days}: .*; set TIDE"
        ):
            Retention().refuse_forgetting(days)
    Retention().refuse_forgetting(39)
    Retention(seen=0).refuse_forgetting(3_650)


def test_whoever_could_change_or_use_it_refuses_before_anything_is_done(monkeypatch):
    monkeypatch.setenv("TIDEWATCH_STREAM__RETENTION_DAYS", "40")
    settings.cache_clear()
    try:
        for do in (upkeep.create_topics, upkeep.migrate_cassandra, tasks.process):
            with pytest.raises(MigrationInvalid, match=r"stream\.retention_days=40"):
                do()
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    with pytest.raises(MigrationInvalid, match="raise `seen`"):
        migrate(None, "tests", {"class": "SimpleStrategy", "replication_factor": 1}, event_days=40)
    assert Retention().seen > settings().stream.retention_days
