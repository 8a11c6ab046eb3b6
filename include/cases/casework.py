"""Does what people do to cases: the event first, then everything that follows from it.

======================================  ==========================================================
killed ...                              then
======================================  ==========================================================
before the event                        nothing happened; the user sees an error and tries again
after the event, before what follows    the event stands and is known to be unfinished: the sweep
                                        writes queue row, label and audit record
in between                              the same; each of them may be written again: the row and the
                                        label carry the event's time, the record the event's number,
                                        and a repeat that has been decided is not joined any more
======================================  ==========================================================
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from include.alerts.alert import Alert
from include.alerts.sending import AlertSource
from include.cases.actions import LONGEST_COMMENT, apply
from include.cases.case import Action, Case, CaseEvent, Deed, Status
from include.cases.errors import CaseChanged, CasesError, NoSuchAlert
from include.cases.queue import QueueEntry
from include.stores.case_ports import CaseStore, HandlingStore, QueueStore
from include.transactions.labels import LabelEvent

log = logging.getLogger(__name__)

#: After so long an event that is not finished is taken for one whose process died.
ABANDONED_AFTER = timedelta(seconds=10)

_LABELS = {
    Action.CONFIRM_FRAUD: ("ANALYST", True),
    Action.DISMISS: ("ANALYST", False),
    Action.ANSWER_FRAUD: ("CUSTOMER", True),
    Action.ANSWER_GENUINE: ("CUSTOMER", False),
}

#: What a decision about an alert does to those joined to it.
_FOR_REPEATS = {
    Action.CONFIRM_FRAUD: Action.CONFIRM_FRAUD,
    Action.DISMISS: Action.DISMISS,
    Action.ANSWER_GENUINE: Action.REOPEN,
}

#: Sends labels to the topic and returns when the broker has them; several times the same is one.
SendLabels = Callable[[Sequence[LabelEvent]], object]

#: Notes an event in the audit trail; several times the same is one.
Record = Callable[[CaseEvent, Alert], object]


def label_of(event: CaseEvent, alert: Alert) -> LabelEvent | None:
    """The label an event is, if it is one."""
    found = _LABELS.get(event.deed.action)
    if found is None:
        return None
    source, is_fraud = found
    return LabelEvent(alert.transaction_id, alert.account_id, is_fraud, source, event.deed.at)


@dataclass(frozen=True, slots=True)
class Casework:
    """The one way to change cases.

    Parameters
    ----------
    send_labels
        To the topic ``fraud-labels``.
    record
        Into the audit trail.
    """

    alerts: AlertSource
    cases: CaseStore
    handlings: HandlingStore
    queue: QueueStore
    send_labels: SendLabels
    record: Record

    def current(self, alert_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Case]:
        """Each case as it stands; an alert nothing was done about has the case it began with."""
        changed = self.cases.cases(alert_ids)
        rest = [one for one in alert_ids if one not in changed]
        begun = self.handlings.handlings(rest) if rest else {}
        first = {one: begun[one].case() if one in begun else Case(one) for one in rest}
        return {**changed, **first}

    def act(self, alert_id: uuid.UUID, deed: Deed, version: int | None = None) -> Case:
        """Do one thing to one case.

        Parameters
        ----------
        version
            Of the case the actor has seen; None: whatever it is now.

        Raises
        ------
        NoSuchAlert, ActionRefused
            Nothing was changed.
        CaseChanged
            Somebody else changed the case meanwhile; nothing was changed.
        """
        outcome = self.act_on_all({alert_id: version}, deed)[alert_id]
        if isinstance(outcome, CasesError):
            raise outcome
        return outcome

    def act_on_all(
        self, versions: Mapping[uuid.UUID, int | None], deed: Deed
    ) -> dict[uuid.UUID, Case | CasesError]:
        """Do the same to several cases; each becomes its new case, or the error that ``act`` would raise."""
        ids = list(versions)
        alerts, cases = self.alerts.get_many(ids), self.current(ids)
        outcomes: dict[uuid.UUID, Case | CasesError] = {}
        events = []
        for one in ids:
            try:
                if one not in alerts:
                    raise NoSuchAlert(
                        f"expected an alert {one}, there is none; look it up in the queue again"
                    )
                events.append(apply(_as_seen(cases[one], versions[one], alerts[one]), deed))
            except CasesError as error:
                outcomes[one] = error
        stand = []
        for event, stands in zip(events, self.cases.append(events) if events else [], strict=True):
            if stands:
                stand.append((event, alerts[event.alert_id]))
                outcomes[event.alert_id] = event.case
            else:
                outcomes[event.alert_id] = CaseChanged(
                    "the alert was changed by somebody in the same moment; look at it, then decide"
                )
        try:
            self._follow(stand)
        except Exception:
            # The decisions stand; whoever made them must not be told that they do not.
            log.exception("%d actions are to be finished by the sweep", len(stand))
        return outcomes

    def finish_abandoned(self, now: datetime) -> tuple[int, int]:
        """Write what follows from events whose process died, each for itself; how many were, and were not.

        An event whose alert is not kept any more has nothing left to follow.
        """
        events = self.cases.unfinished(now - ABANDONED_AFTER)
        alerts = self.alerts.get_many([event.alert_id for event in events])
        self.cases.finish([event for event in events if event.alert_id not in alerts])
        finished = failed = 0
        for event in events:
            if event.alert_id not in alerts:
                continue
            try:
                self._follow([(event, alerts[event.alert_id])])
                finished += 1
            except Exception:
                log.exception("event %d of alert %s stays open", event.case.version, event.alert_id)
                failed += 1
        if finished:
            log.warning("finished %d actions that a process had left half done", finished)
        return finished, failed

    def _follow(self, done: Sequence[tuple[CaseEvent, Alert]]) -> None:
        if not done:
            return
        self.queue.put([QueueEntry.of(alert, event.case) for event, alert in done])
        labels = [label for event, alert in done if (label := label_of(event, alert)) is not None]
        if labels:
            self.send_labels(labels)
        for event, alert in done:
            self.record(event, alert)
        self._decide_repeats([event for event, _ in done])
        self.cases.finish([event for event, _ in done])

    def _decide_repeats(self, events: Sequence[CaseEvent]) -> None:
        """Do to the alerts that are joined to a decided one what its decision means for them.

        An analyst decides about all of them. A customer speaks of one transaction: the others wait for somebody.
        """
        deciding = {event.alert_id: event for event in events if event.deed.action in _FOR_REPEATS}
        if not deciding:
            return
        for leader, members in self.handlings.repeats(list(deciding)).items():
            event = deciding[leader]
            versions: dict[uuid.UUID, int | None] = {
                one: case.version
                for one, case in self.current(members).items()
                if case.status is Status.JOINED and case.leader_id == leader
            }
            if versions:
                words = f"as the alert it was joined to ({leader}): {event.deed.action.replace('_', ' ')}"
                comment = f"{words}. {event.deed.comment}".strip()[:LONGEST_COMMENT]
                deed = Deed(_FOR_REPEATS[event.deed.action], event.deed.actor, event.deed.at, comment)
                self.act_on_all(versions, deed)


def _as_seen(case: Case, version: int | None, alert: Alert) -> Case:
    """The case, if it is still the one the actor has seen; nothing happened to it before its alert."""
    if version is not None and case.version != version:
        raise CaseChanged(
            f"the alert was changed by {case.changed_by} meanwhile ({case.status}); look at it, then decide"
        )
    return case if case.changed_at else replace(case, changed_at=alert.raised_at)
