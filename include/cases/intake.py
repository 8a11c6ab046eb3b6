"""Takes new alerts in: decides what becomes of each, once, and puts it into the queue."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from include.alerts.alert import Alert
from include.cases.case import Status, Worklist
from include.cases.handling import Handling, Leader, handle, new_leaders
from include.cases.queue import QueueEntry
from include.cases.suppressions import Suppression
from include.stores.case_ports import CaseStore, HandlingStore, QueueStore, SuppressionStore


class Intake:
    """What a batch of new alerts goes through before anybody is told.

    Parameters
    ----------
    window
        For so long after an alert later ones of its account are joined to it.
    """

    def __init__(
        self,
        cases: CaseStore,
        handlings: HandlingStore,
        queue: QueueStore,
        suppressions: SuppressionStore,
        window: timedelta,
    ) -> None:
        self._cases = cases
        self._handlings = handlings
        self._queue = queue
        self._suppressions = suppressions
        self._window = window

    def take(self, alerts: Sequence[Alert]) -> list[Handling]:
        """Decide about alerts and queue them; returns the decisions, in their order.

        Idempotent: a decision that stands is read, not made again, and a row of the queue never takes back what
        was done to its case since.
        """
        if not alerts:
            return []
        with ThreadPoolExecutor(3, "intake") as pool:  # three questions at once: somebody waits for the alert
            decided_before = pool.submit(self._handlings.handlings, [alert.alert_id for alert in alerts])
            leaders = pool.submit(self._handlings.leaders, [alert.account_id for alert in alerts])
            suppressions = pool.submit(self._suppressions.all)
        decided = decided_before.result()
        fresh = [alert for alert in alerts if alert.alert_id not in decided]
        if fresh:
            made = self._decide(fresh, leaders.result(), suppressions.result())
            decided |= {one.alert_id: one for one in made}
        decided |= self._freed(decided.values(), alerts)
        handlings = [decided[alert.alert_id] for alert in alerts]
        pairs = zip(alerts, handlings, strict=True)
        self._queue.put([QueueEntry.of(alert, handling.case()) for alert, handling in pairs])
        return handlings

    def _decide(
        self, alerts: Sequence[Alert], leaders: Mapping[str, Leader], suppressions: Sequence[Suppression]
    ) -> list[Handling]:
        cases = self._cases.cases([leader.alert_id for leader in leaders.values()]) if leaders else {}
        closed = [one for one, case in cases.items() if case.status.worklist is Worklist.CLOSED]
        handlings = handle(alerts, leaders, closed, suppressions, self._window)
        self._handlings.decide(handlings, new_leaders(alerts, handlings))
        return handlings

    def _freed(self, decided: Iterable[Handling], alerts: Sequence[Alert]) -> dict[uuid.UUID, Handling]:
        """Alerts that joined one which was decided in the same moment: they stand for themselves now.

        Whoever decides about an alert does so about those joined to it, and looks for them after the decision
        stands; here the leader is looked at after the joining stands. One of the two sees the other.
        """
        joined = {one.alert_id: one for one in decided if one.status is Status.JOINED}
        if not joined:
            return {}
        cases = self._cases.cases([*joined, *{one.leader_id for one in joined.values()}])
        freed = {
            one.alert_id: Handling(one.alert_id, one.account_id, one.alert_id)
            for one in joined.values()
            if one.alert_id not in cases
            and one.leader_id in cases
            and cases[one.leader_id].status.worklist is Worklist.CLOSED
        }
        if freed:
            self._handlings.decide(list(freed.values()), new_leaders(alerts, freed.values()))
        return freed
