"""Airflow's REST API, as far as the commands of the embedded stack need it."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any

from include.local.airflow_environment import address
from include.local.clients import http_context
from include.local.errors import RunFailed
from include.local.secrets import load_secrets
from include.settings import Settings

_POLL_SECONDS = 0.5
_DONE = ("success", "failed")


class AirflowApi:
    """The API of the embedded Airflow, as one of its users.

    Parameters
    ----------
    user
        ``admin``, ``approver``, ``analyst`` or ``viewer``.

    Raises
    ------
    RunFailed
        Airflow refuses, does not answer in time, or a run fails; the message says which and where to look.
    """

    def __init__(self, settings: Settings, user: str = "admin") -> None:
        self._address = address(settings)
        self._user = user
        self._context = http_context(settings)
        self._password: str = getattr(load_secrets(settings.stack_dir), user)
        self._token: str | None = None

    def run(self, dag_id: str, conf: Mapping[str, Any], seconds: float) -> None:
        """Trigger a DAG, wait for its run, and say which tasks failed if it did.

        A DAG that has not been parsed yet is waited for.
        """
        end = time.monotonic() + seconds
        run_id = self.trigger(dag_id, conf, seconds)
        while (state := self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"]) not in _DONE:
            if time.monotonic() > end:
                raise RunFailed(
                    f"waited {seconds:.0f} s for a run of {dag_id}, it is {state}; "
                    f"look at {self._address}/dags/{dag_id}"
                )
            time.sleep(_POLL_SECONDS)
        if state == "failed":
            tasks = self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
            failed = ", ".join(task["task_id"] for task in tasks if task["state"] == "failed")
            raise RunFailed(
                f"expected {dag_id} to succeed, its task {failed} failed; "
                f"its log: {self._address}/dags/{dag_id}/runs/{run_id}"
            )

    def failed_tasks(self, since: str) -> list[str]:
        """Tasks that failed for good since a time (ISO 8601), as ``dag.task``."""
        query = f"state=failed&end_date_gte={since.replace('+', '%2B')}&limit=100"
        found = self._get(f"/api/v2/dags/~/dagRuns/~/taskInstances?{query}")["task_instances"]
        return sorted({f"{task['dag_id']}.{task['task_id']}" for task in found})

    def set_variable(self, key: str, value: Any) -> None:
        """Set a variable to a JSON document."""
        body = {"key": key, "value": json.dumps(value)}
        try:
            self._send("PATCH", f"/api/v2/variables/{key}", body)
        except urllib.error.HTTPError as error:
            raise RunFailed(f"expected to set {key}, Airflow says: {error.read()[:300]!r}") from error

    def set_port(self, connection_id: str, port: int) -> None:
        """Set the port of a connection that is there."""
        path = f"/api/v2/connections/{connection_id}"
        kind = self._get(path)["conn_type"]
        body = {"connection_id": connection_id, "conn_type": kind, "port": port}
        self._send("PATCH", f"{path}?update_mask=port", body)

    def pause(self, dag_id: str, paused: bool) -> None:
        """Switch a DAG off, or on."""
        self._send("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": paused})

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Runs of a DAG, the newest first."""
        found = self._get(f"/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after&limit=50")["dag_runs"]
        return list(found)

    def stop_runs(self, dag_id: str) -> None:
        """End the runs that are under way, as failed; what their tasks do is cut off."""
        for run in self.runs(dag_id):
            if run["state"] not in _DONE:
                self._send("PATCH", f"/api/v2/dags/{dag_id}/dagRuns/{run['dag_run_id']}", {"state": "failed"})

    def trigger(self, dag_id: str, conf: Mapping[str, Any], seconds: float) -> str:
        """Trigger a DAG, which may not have been parsed yet; returns the id of the run."""
        run_id = f"command-{uuid.uuid4().hex[:12]}"
        self._trigger(dag_id, run_id, conf, time.monotonic() + seconds)
        return run_id

    def tasks(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """State of each task of a run."""
        found = self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in found}

    def question(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task asks a person: subject, body, options."""
        return self._get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails")

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str) -> None:
        """Answer what a task asks.

        Raises
        ------
        urllib.error.HTTPError
            403 if this user may not answer.
        """
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        self._send("PATCH", path, {"chosen_options": [option], "params_input": {}})

    def _trigger(self, dag_id: str, run_id: str, conf: Mapping[str, Any], end: float) -> None:
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        while True:
            try:
                self._send("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)
            except urllib.error.HTTPError as error:
                if error.code == 409:
                    return  # an earlier try, whose answer never came, did it: the id is ours alone
                if error.code != 404:
                    raise RunFailed(
                        f"expected to trigger {dag_id}, Airflow says: {error.read()[:300]!r}"
                    ) from error
            else:
                return
            if time.monotonic() > end:
                raise RunFailed(
                    f"expected a DAG {dag_id}, Airflow has none; look at its import errors in the UI"
                )
            time.sleep(_POLL_SECONDS)

    def _get(self, path: str) -> Any:
        try:
            return self._send("GET", path, None)
        except urllib.error.HTTPError as error:
            raise RunFailed(f"expected an answer to {path}, Airflow says: {error.read()[:300]!r}") from error

    def _send(self, method: str, path: str, body: Any, tries: int = 40) -> Any:
        """One request; while the API server is away (it may be restarting) it is tried again."""
        for attempt in range(tries):
            try:
                return self._once(method, path, body)
            except urllib.error.HTTPError as error:
                if error.code == 401 and attempt == 0:
                    self._token = None
                elif error.code < 500:
                    raise
            except OSError:
                pass
            time.sleep(_POLL_SECONDS)
        raise RunFailed(
            f"expected the API server at {self._address} to answer, it does not; see `make status`"
        )

    def _once(self, method: str, path: str, body: Any) -> Any:
        if self._token is None:
            login = {"username": self._user, "password": self._password}
            self._token = self._request("POST", "/auth/token", login, {})["access_token"]
        return self._request(method, path, body, {"Authorization": f"Bearer {self._token}"})

    def _request(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the address is our own
            self._address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        with urllib.request.urlopen(request, timeout=30, context=self._context) as answer:  # noqa: S310
            return json.load(answer)
