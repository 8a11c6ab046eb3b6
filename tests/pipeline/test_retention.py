from __future__ import annotations

from datetime import UTC, datetime, timedelta

from include.pipeline.retention import delete_batches
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
