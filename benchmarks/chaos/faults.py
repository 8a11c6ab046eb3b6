"""The faults there are, and the deck a run draws them from."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

#: The embedded servers, and Airflow's four components.
SERVERS = (
    "kafka",
    "spark",
    "cassandra",
    "postgres",
    "scheduler",
    "triggerer",
    "api-server",
    "dag-processor",
    "mailbox",
)
#: DAGs that run by themselves while transactions arrive.
FLOWING = (
    "process_transactions",
    "score_transactions",
    "raise_alerts",
    "load_cassandra",
    "collect_labels",
    "sweep_batches",
)
#: DAGs that have to be triggered for one of their tasks to be killed.
TRIGGERED = (
    "approve_model",
    "backtest_rules",
    "build_reports",
    "change_list",
    "change_rule",
    "check_parity",
    "erase_customer",
    "export_traces",
    "ingest_transactions",
    "initialize_stores",
    "load_customers",
    "maintain_stores",
    "measure_quality",
    "monitor_drift",
    "resend_dead_letters",
    "score_shadow",
    "train_models",
)
#: DAGs in the middle of whose work with Cassandra its connections are cut.
CUT = ("score_transactions", "raise_alerts", "load_cassandra")

PAUSE_SECONDS = 20.0
#: Longer than scoring waits for the store of the past before it decides without.
OUTAGE_SECONDS = 150.0


class Kind(StrEnum):
    """What is done."""

    KILL = "kill -9"
    PAUSE = "pause 20 s"
    KILL_WORKERS = "kill -9 workers of"
    KILL_TASK = "kill -9 task of"
    CUT = "cut connections of"
    OUTAGE = "outage 150 s of"
    REBOOT = "reboot"


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault and whom it is for."""

    kind: Kind
    target: str

    def __str__(self) -> str:
        """As in the tables and in ``ONLY=``."""
        return f"{self.kind} {self.target}"


ALL: tuple[Fault, ...] = (
    *(Fault(Kind.KILL, name) for name in SERVERS),
    *(Fault(Kind.PAUSE, name) for name in SERVERS),
    Fault(Kind.KILL_WORKERS, "spark"),
    *(Fault(Kind.KILL_TASK, dag) for dag in (*FLOWING, *TRIGGERED)),
    *(Fault(Kind.CUT, dag) for dag in CUT),
    Fault(Kind.OUTAGE, "cassandra"),
    Fault(Kind.REBOOT, "everything"),
)


def deck(count: int, seed: int, among: Iterable[Fault] = ALL) -> list[Fault]:
    """``count`` faults in random order: every one once before any comes again.

    Raises
    ------
    ValueError
        There is no fault to draw from.
    """
    drawn, cards = random.Random(seed), list(among)
    if not cards:
        raise ValueError(f"expected some of these faults: {', '.join(map(str, ALL))}; got none")

    def endless() -> Iterable[Fault]:
        while True:
            yield from drawn.sample(cards, len(cards))

    return list(islice(endless(), count))


def named(text: str) -> list[Fault]:
    """The faults whose name contains one of some texts, separated by commas.

    Raises
    ------
    ValueError
        A text that is in no fault's name.
    """
    found: list[Fault] = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        matching = [fault for fault in ALL if part in str(fault)]
        if not matching:
            raise ValueError(
                f"expected a part of the name of one of these: {', '.join(map(str, ALL))}; got {part!r}"
            )
        found += [fault for fault in matching if fault not in found]
    return found
