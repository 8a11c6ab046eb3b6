"""Does to a running stack what a fault says."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from benchmarks.chaos.faults import FLOWING, OUTAGE_SECONDS, PAUSE_SECONDS, Fault, Kind
from benchmarks.chaos.proxy import CuttableProxy
from benchmarks.chaos.victims import NoVictim, Victims
from include.local import stack
from include.local.airflow_api import AirflowApi
from include.orchestration.approval import APPROVE, PROMOTE, REJECT
from include.settings import Settings

_TRIES = 6
_TRIGGER_SECONDS = 180.0
_POLL_SECONDS = 0.5
_DONE = ("success", "failed")
#: DAGs that leave what a killed run did not do to their next one.
_NEXT_RUN_DOES_IT = ("export_traces",)
#: Off, and on a calendar without an end: switched on it has a run at once, switched off that run goes no further.
_ONLY_WHILE_ON = "ingest_transactions"
#: What is answered, where it is not a plain yes: what is erased could not be compared any more.
_ANSWERS = {"approve_model": PROMOTE, "erase_customer": REJECT}
#: Asks by itself too, when a challenger has stood its time, and one question at a time.
_ASKS_BY_ITSELF = "approve_model"
#: A rule nobody hits, for change_rule to bring to life; each with a name of its own.
DRAFT = """-- id: chaos_draft_{number}
-- title: Draft of a chaos run
-- typology: large_amount
-- severity: LOW
-- owner: fraud-platform
-- version: 1
-- action: REVIEW
-- description: An amount that no customer has.
-- reason: {{amount}} {{currency}} is more than anybody has
amount > 900000000000
"""


@dataclass(frozen=True, slots=True)
class Injection:
    """A fault that was done.

    Attributes
    ----------
    ended
        When those it was for could begin to recover, by the monotonic clock.
    detail
        Whom it met, for the record.
    run
        DAG and id of a run that has to succeed all the same; None where the flow is all that counts.
    """

    ended: float
    detail: str = ""
    run: tuple[str, str] | None = None


@dataclass(slots=True)
class Injector:
    """Does faults to one stack.

    Parameters
    ----------
    bank
        Params of the DAGs that make the bank.
    customer
        Somebody who has an account there.
    draw
        Decides on delays.
    """

    settings: Settings
    victims: Victims
    proxy: CuttableProxy
    bank: Mapping[str, Any]
    customer: str
    draw: random.Random
    _number: int = field(default=0)

    def do(self, fault: Fault) -> Injection:
        """Do one fault.

        Raises
        ------
        NoVictim
            Nobody was found to do it to.
        RunFailed
            The stack could not be brought up again, or Airflow does not take a trigger.
        """
        self._number += 1
        match fault.kind:
            case Kind.KILL:
                self.victims.kill_server(fault.target)
            case Kind.PAUSE:
                self.victims.pause_server(fault.target, PAUSE_SECONDS)
            case Kind.OUTAGE:
                self.victims.pause_server(fault.target, OUTAGE_SECONDS)
            case Kind.KILL_WORKERS:
                self.victims.kill_python_workers()
            case Kind.CUT:
                return self._cut(fault.target)
            case Kind.KILL_TASK:
                return self._kill_task(fault.target)
            case Kind.REBOOT:
                return self._reboot()
        return Injection(time.monotonic())

    def route_through_proxy(self) -> None:
        """Let Airflow's tasks reach Cassandra through the proxy."""
        AirflowApi(self.settings).set_port("cassandra_default", self.proxy.port)

    def wait_for_run(self, run: tuple[str, str], limit: float) -> bool:
        """Wait until a run has succeeded, and answer it if it asks; whether it has."""
        try:
            return self._succeeds(*run, limit)
        finally:
            if run[0] == _ONLY_WHILE_ON:
                AirflowApi(self.settings).pause(_ONLY_WHILE_ON, True)

    def _succeeds(self, dag_id: str, run_id: str, limit: float) -> bool:
        api, approver = AirflowApi(self.settings), AirflowApi(self.settings, "approver")
        end = time.monotonic() + limit
        answered = False
        while time.monotonic() < end:
            state = next((one["state"] for one in api.runs(dag_id) if one["dag_run_id"] == run_id), None)
            if state in _DONE:
                return bool(state == "success")
            waits = api.tasks(dag_id, run_id).get("approve") in ("awaiting_input", "deferred")
            if waits and not answered:
                time.sleep(2)  # as no person answers while the question is only being put
                approver.answer(dag_id, run_id, "approve", _ANSWERS.get(dag_id, APPROVE))
                answered = True
            time.sleep(_POLL_SECONDS)
        return False

    def _kill_task(self, dag_id: str) -> Injection:
        if dag_id in FLOWING:
            return self._kill_flowing(dag_id)
        return self._kill_continuous(dag_id) if dag_id == _ONLY_WHILE_ON else self._kill_triggered(dag_id)

    def _kill_flowing(self, dag_id: str) -> Injection:
        name, _ = self._kill_running(dag_id)
        return Injection(time.monotonic(), name)

    def _kill_running(self, dag_id: str) -> tuple[str, str]:
        """Kill whatever task of a DAG runs next; it and its run."""
        for _ in range(_TRIES):
            if killed := self.victims.kill_task(dag_id, self.draw.uniform(0, 0.5)):
                return killed
        raise NoVictim(f"{_TRIES} tasks of {dag_id} ended before they could be killed")

    def _kill_triggered(self, dag_id: str) -> Injection:
        api = AirflowApi(self.settings)
        if dag_id == _ASKS_BY_ITSELF:
            self._answer_those_before(dag_id)
        for attempt in range(_TRIES):
            run_id = api.trigger(dag_id, self._conf(dag_id), _TRIGGER_SECONDS)
            # Nothing holds a task back for so long that its kill could be aimed at its end only.
            killed = self.victims.kill_task(dag_id, self.draw.uniform(0, 0.4) / (attempt + 1), run_id)
            ended = time.monotonic()
            if killed:
                if dag_id in _NEXT_RUN_DOES_IT:
                    run_id = api.trigger(dag_id, self._conf(dag_id), _TRIGGER_SECONDS)
                return Injection(ended, killed[0], (dag_id, run_id))
            self.wait_for_run((dag_id, run_id), _TRIGGER_SECONDS)
        raise NoVictim(f"{_TRIES} tasks of {dag_id} ended before they could be killed")

    def _answer_those_before(self, dag_id: str) -> None:
        """Bring runs that wait for a person to their end; a new one would wait behind them."""
        for one in AirflowApi(self.settings).runs(dag_id):
            if one["state"] not in _DONE:
                self.wait_for_run((dag_id, one["dag_run_id"]), _TRIGGER_SECONDS)

    def _kill_continuous(self, dag_id: str) -> Injection:
        """Kill the run that begins when the DAG is switched on; it stays on until that run has succeeded."""
        api = AirflowApi(self.settings)
        api.pause(dag_id, False)
        try:
            name, run_id = self._kill_running(dag_id)
        except NoVictim:
            api.pause(dag_id, True)
            raise
        return Injection(time.monotonic(), name, (dag_id, run_id))

    def _cut(self, dag_id: str) -> Injection:
        for _ in range(_TRIES):
            self.victims.wait_for_task(dag_id)
            time.sleep(self.draw.uniform(0, 0.4))
            if count := self.proxy.cut():
                return Injection(time.monotonic(), f"{count} connections")
        raise NoVictim(f"no task of {dag_id} had a connection to Cassandra, {_TRIES} times")

    def _reboot(self) -> Injection:
        count = self.victims.kill_everything()
        began = time.monotonic()
        stack.up(self.settings, say=lambda _: None)
        self.route_through_proxy()
        return Injection(began, f"{count} processes")

    def _conf(self, dag_id: str) -> dict[str, Any]:
        today = datetime.now(UTC).date().isoformat()
        confs: dict[str, dict[str, Any]] = {
            "build_reports": {"kind": "daily", "period": today},
            "change_list": {
                "list": "TRUSTED", "subject": "DEVICE", "value": f"chaos-{self._number}", "reason": "a chaos run",
            },
            "erase_customer": {"customer_id": self.customer, "reason": f"chaos {self._number}"},
            "change_rule": {"rule": DRAFT.format(number=self._number), "shadow_batches": 0},
            "load_customers": dict(self.bank),
            "train_models": dict(self.bank),
            "resend_dead_letters": {
                "reason": "currency", "limit": 20, "corrections": [{"do": "set", "field": "currency", "value": "EUR"}],
            },
        }  # fmt: skip
        return confs.get(dag_id, {})
