"""Two schedulers start the same stage twice by mistake: the ledger ends where one alone would have ended.

The pools of the stages have one slot, which Airflow counts under a row lock in its database, whatever the number of
schedulers; this is what holds if that ever fails.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from include.stores.lake.ledger import BatchLedger, Stage

COUNTS = [3, 5, 7, 11]


class Shared:
    """A lake in memory, of the ledger's needs, whose writers are interleaved: one reads, others write, it writes."""

    def __init__(self) -> None:
        self.files: dict[str, Any] = {}

    def read_json(self, path: str) -> Any:
        return self.files.get(path)

    def write_json(self, path: str, document: Any) -> None:
        self.files[path] = document


class Stale:
    """Sees the cursor as it was when the batch was begun, and writes to the lake there is."""

    def __init__(self, lake: Shared) -> None:
        self.lake, self.then = lake, dict(lake.files)

    def read_json(self, path: str) -> Any:
        return self.then.get(path)

    def write_json(self, path: str, document: Any) -> None:
        self.lake.write_json(path, document)


@given(slow=st.integers(0, 3), ahead=st.integers(0, 3))
def test_a_slow_twin_that_writes_late_costs_work_and_no_count(slow: int, ahead: int) -> None:
    lake = Shared()
    ledger = BatchLedger(lake)  # type: ignore[arg-type]
    for batch in range(slow):
        ledger.complete(Stage.ACCEPTED, batch, {"accepted": COUNTS[batch]})
    twin = BatchLedger(Stale(lake))  # type: ignore[arg-type]
    for batch in range(slow, min(slow + ahead, len(COUNTS))):
        ledger.complete(Stage.ACCEPTED, batch, {"accepted": COUNTS[batch]})
    twin.complete(Stage.ACCEPTED, slow, {"accepted": COUNTS[slow]})
    for batch in range(ledger.cursor(Stage.ACCEPTED).next_batch, len(COUNTS)):
        ledger.complete(Stage.ACCEPTED, batch, {"accepted": COUNTS[batch]})
    assert ledger.cursor(Stage.ACCEPTED).next_batch == len(COUNTS)
    assert ledger.cursor(Stage.ACCEPTED).totals == {"accepted": sum(COUNTS)}
