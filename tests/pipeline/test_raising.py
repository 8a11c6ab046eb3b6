"""Raising the alerts of scored batches: channels are made ready for those who will need them, beside the writing."""

from collections.abc import Sequence
from pathlib import Path

from include.alerts.alert import Alert
from include.pipeline.alerting import raise_alerts
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, scored_file
from include.stores.memory.alerting import MemoryAlertStore, MemoryOutboxStore
from tests.alerts.examples import scored_row, scored_table
from tests.alerts.outbox_world import ROUTER
from tests.cases.world import World


def test_channels_are_made_ready_before_alerts_are_written_and_only_if_there_are_any(tmp_path: Path) -> None:
    lake = Lake(tmp_path.as_uri())
    ledger = BatchLedger(lake)
    happened: list[str] = []

    class Alerts(MemoryAlertStore):
        def put(self, alerts: Sequence[Alert]) -> None:
            happened.append(f"{len(alerts)} written")
            super().put(alerts)

    for batch, rows in enumerate(([], [scored_row()])):
        lake.write_table(scored_file(batch), scored_table(*rows))
    outbox = MemoryOutboxStore()
    done = raise_alerts(
        range(2),
        ledger,
        lake,
        Alerts(),
        World().intake,
        ROUTER,
        outbox,
        lambda: happened.append("ready"),
    )
    assert done == [0, 1]
    assert happened == ["0 written", "ready", "1 written"]
    assert outbox.rows
    assert ledger.manifest(Stage.ALERTED, 1) is not None
