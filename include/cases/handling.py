"""What becomes of a new alert: somebody is told, it joins an earlier one of its account, or it is suppressed.

Decided once: the decision depends on cases and suppressions, which change, so it is stored before anybody is
told, and a second try of the batch finds it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from include.alerts.alert import Alert, Severity
from include.cases.case import Case, Status
from include.cases.suppressions import Suppression, covering


@dataclass(frozen=True, slots=True)
class Leader:
    """The alert of an account that later ones are joined to."""

    account_id: str
    alert_id: uuid.UUID
    severity: Severity
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class Handling:
    """What becomes of one alert.

    Attributes
    ----------
    leader_id
        The alert it is worked on with; its own id if it leads.
    suppression_id
        Why nobody is told; None if somebody is.
    """

    alert_id: uuid.UUID
    account_id: str
    leader_id: uuid.UUID
    suppression_id: uuid.UUID | None = None

    @property
    def status(self) -> Status:
        """Of the case it begins with."""
        if self.suppression_id is not None:
            return Status.SUPPRESSED
        return Status.OPEN if self.leader_id == self.alert_id else Status.JOINED

    @property
    def told(self) -> bool:
        """Whether messages are sent."""
        return self.status is Status.OPEN

    def case(self) -> Case:
        """The case as it begins."""
        joined = self.leader_id if self.status is Status.JOINED else None
        return Case(self.alert_id, status=self.status, leader_id=joined, suppression_id=self.suppression_id)


def handle(
    alerts: Sequence[Alert],
    leaders: Mapping[str, Leader],
    closed: Iterable[uuid.UUID],
    suppressions: Sequence[Suppression],
    window: timedelta,
) -> list[Handling]:
    """Decide about new alerts, in their order.

    An alert joins the leader of its account if that was raised less than ``window`` ago, is at least as severe
    and has not been decided yet. The window is measured from the leader: an attack that goes on is told of
    once a window, and at once when it becomes more severe.

    Parameters
    ----------
    leaders
        By account, as before these alerts.
    closed
        Leaders whose cases are decided.
    """
    now, done, decided = dict(leaders), frozenset(closed), []
    for alert in alerts:
        suppression = covering(alert, suppressions)
        if suppression is not None:
            decided.append(
                Handling(alert.alert_id, alert.account_id, alert.alert_id, suppression.suppression_id)
            )
            continue
        leader = now.get(alert.account_id)
        if leader is None or leader.alert_id in done or not _joins(alert, leader, window):
            leader = now[alert.account_id] = Leader(
                alert.account_id, alert.alert_id, alert.severity, alert.raised_at
            )
        decided.append(Handling(alert.alert_id, alert.account_id, leader.alert_id))
    return decided


def new_leaders(alerts: Sequence[Alert], handlings: Iterable[Handling]) -> list[Leader]:
    """What later alerts are to be joined to: of each account that was told of something, the last."""
    leading = {one.alert_id for one in handlings if one.told}
    leaders = {
        alert.account_id: Leader(alert.account_id, alert.alert_id, alert.severity, alert.raised_at)
        for alert in alerts
        if alert.alert_id in leading
    }
    return list(leaders.values())


def _joins(alert: Alert, leader: Leader, window: timedelta) -> bool:
    later = alert.raised_at - leader.raised_at
    return alert.severity.rank <= leader.severity.rank and timedelta(0) <= later < window
