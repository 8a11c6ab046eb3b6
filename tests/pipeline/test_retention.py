from __future__ import annotations

from datetime import UTC, datetime, timedelta

from include.pipeline.retention import delete_adaptation, delete_batches, delete_labels
from include.stores.lake.ledger import Stage


def test_old_batches_go_only_when_every_stage_and_a_clean_check_have_done_them(bank):
    for stage, done in ((Stage.ALERTED, 3), (Stage.STORED, 2)):
        for number in range(done):
            bank.ledger.complete(stage, number, {})
    now = datetime.now(UTC) + timedelta(days=2)

    def delete(checked: int) -> int:
        return delete_batches(bank.lake, bank.ledger, timedelta(days=1), now, checked)

    assert delete(checked=0) == 0
    assert delete(checked=1) == 1
    assert delete(checked=3) == 1
    assert bank.lake.names("accepted") == ["batch=0000000002"]


def test_labels_go_when_they_are_old_and_scoring_has_them(bank):
    for row in range(3):
        bank.tell([(0, row)])
    bank.run(1)  # knows three batches of labels
    bank.tell([(0, 3)])
    bank.tell([(0, 4)])
    now = datetime.now(UTC)
    assert delete_labels(bank.lake, bank.ledger, timedelta(days=1), now) == 0
    assert delete_labels(bank.lake, bank.ledger, timedelta(days=1), now + timedelta(days=2)) == 3
    assert bank.lake.names("labels") == ["batch=0000000003", "batch=0000000004"]


def test_working_files_go_and_what_was_found_stays(bank):
    for path in ("shadow/m/from=0000000000.parquet", "drift/m/summaries/from=0000000000.json"):
        bank.lake.write_bytes(path, b"x")
    for path in ("shadow/m/position.json", "drift/m/reference.json", "drift/alarms/a.json"):
        bank.lake.write_bytes(path, b"x")
    now = datetime.now(UTC)
    assert delete_adaptation(bank.lake, timedelta(days=1), now) == 0
    assert delete_adaptation(bank.lake, timedelta(days=1), now + timedelta(days=2)) == 2
    assert bank.lake.exists("drift/alarms/a.json")
    assert bank.lake.exists("shadow/m/position.json")
