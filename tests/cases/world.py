"""Casework in memory, with processes that can be killed between any two calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from include.alerts.alert import Alert
from include.cases.case import CaseEvent
from include.cases.casework import Casework
from include.cases.intake import Intake
from include.stores.memory.alerting import MemoryAlertStore
from include.stores.memory.cases import (
    MemoryCaseStore,
    MemoryHandlingStore,
    MemoryQueueStore,
    MemorySuppressionStore,
)
from include.transactions.labels import LabelEvent


class Killed(Exception):
    """The process is gone."""


@dataclass
class World:
    """Stores that live on, and what left them."""

    alerts: MemoryAlertStore = field(default_factory=MemoryAlertStore)
    cases: MemoryCaseStore = field(default_factory=MemoryCaseStore)
    handlings: MemoryHandlingStore = field(default_factory=MemoryHandlingStore)
    queue: MemoryQueueStore = field(default_factory=MemoryQueueStore)
    suppressions: MemorySuppressionStore = field(default_factory=MemorySuppressionStore)
    labels: list[LabelEvent] = field(default_factory=list)
    recorded: list[tuple[str, int]] = field(default_factory=list)
    window: timedelta = timedelta(minutes=30)

    @property
    def casework(self) -> Casework:
        return Casework(self.alerts, self.cases, self.handlings, self.queue, self._send, self._record)

    @property
    def intake(self) -> Intake:
        return Intake(self.cases, self.handlings, self.queue, self.suppressions, self.window)

    def raised(self, *alerts: Alert) -> None:
        """Alerts as a batch raises them."""
        self.alerts.put(alerts)
        self.intake.take(alerts)

    def _send(self, labels: Sequence[LabelEvent]) -> None:
        self.labels += labels

    def _record(self, event: CaseEvent, alert: Alert) -> None:
        self.recorded.append((event.deed.action.value, event.case.version))
