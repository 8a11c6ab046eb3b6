"""What of the lake is deleted when: what is settled, stored, taken up, and old."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import takewhile

from include.governance.decisions import PROVISIONAL, record_retention
from include.pipeline import drift, shadow
from include.pipeline.batch_log import batch_numbers
from include.pipeline.known_labels import labels_until
from include.stores.lake.files import Lake
from include.stores.lake.ledger import BatchLedger, Stage, batch_folder
from include.stores.lake.names import ARRIVALS, LABELS


def delete_arrivals(lake: Lake, ledger: BatchLedger, older_than: timedelta, now: datetime) -> int:
    """Delete the folders of settled Spark runs; returns how many.

    The newest run stays, and so does every run that a batch yet to be settled may need.
    """
    names = lake.names(ARRIVALS)
    accepted = ledger.cursor(Stage.ACCEPTED).next_batch
    first_batches = [int(name.removeprefix("run=")) for name in names]
    deleted = 0
    for name, following in zip(names, first_batches[1:], strict=False):
        folder = f"{ARRIVALS}/{name}"
        if following <= accepted and _is_older(lake, folder, older_than, now):
            lake.delete_folder(folder)
            deleted += 1
    return deleted


#: Batches that may be scored or loaded again by hand: what the newest of them started from is kept.
REPEATABLE_BATCHES = 1_000


def delete_batches(
    lake: Lake, ledger: BatchLedger, older_than: timedelta, now: datetime, checked: int
) -> int:
    """Delete the files of batches that every stage has done, oldest first; returns how many batches.

    The audit knows of it before the first is gone, see ``include.governance.decisions``.

    Batches from number ``checked`` on stay, however old: no clean parity check has gone over them yet, and
    without them none ever could.
    """
    done = min(checked, *(ledger.cursor(stage).next_batch for stage in Stage))

    def is_due(batch: int) -> bool:
        return batch < done and _is_older(lake, batch_folder(Stage.ACCEPTED, batch), older_than, now)

    due = list(takewhile(is_due, batch_numbers(lake, str(Stage.ACCEPTED))))
    if due:
        # What is missing afterwards and stands in no such record was removed by somebody else.
        why = {"older_than_days": older_than / timedelta(days=1), "checked_until": checked}
        record_retention(lake, due, why)
    for batch in due:
        # The accepted batch goes last: it is what the next clean-up finds the batch by.
        for stage in (PROVISIONAL, Stage.ALERTED, Stage.STORED, Stage.SCORED, Stage.ACCEPTED):
            lake.delete_folder(batch_folder(stage, batch))
    return len(due)


def delete_adaptation(lake: Lake, older_than: timedelta, now: datetime) -> int:
    """Delete old working files of shadow scoring and drift watching; returns how many.

    What was found (alarms, comparisons, every model's way) stays; so do references, positions and logs.
    """
    old = [
        path
        for folder in (shadow.FOLDER, drift.FOLDER)
        for path in lake.written_before(folder, now - older_than)
        if path.rsplit("/", 1)[-1].startswith("from=")
    ]
    for path in old:
        lake.delete_file(path)
    return len(old)


def delete_labels(lake: Lake, ledger: BatchLedger, older_than: timedelta, now: datetime) -> int:
    """Delete old batches of labels that scoring has taken up; returns how many.

    The newest stays: labels that wait for their transactions are carried on from it.
    """
    taken = int(ledger.cursor(Stage.SCORED).positions.get("labels_until", 0))
    stop = min(taken, labels_until(lake) - 1)

    def is_due(batch: int) -> bool:
        return batch < stop and _is_older(lake, batch_folder(LABELS, batch), older_than, now)

    due = list(takewhile(is_due, batch_numbers(lake, LABELS)))
    for batch in due:
        lake.delete_folder(batch_folder(LABELS, batch))
    return len(due)


def _is_older(lake: Lake, path: str, age: timedelta, now: datetime) -> bool:
    modified = lake.modified_at(path)
    return modified is not None and now - modified > age
