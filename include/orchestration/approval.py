"""A question that a person answers in Airflow's UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from airflow.providers.standard.operators.hitl import HITLOperator

#: What may be answered about a rule, and about a model.
APPROVE, REJECT = "Approve", "Reject"
PROMOTE, PROMOTE_SHARE = "Promote", "Promote for a share of the accounts first"
#: What may be answered about a customer who asks to be erased.
ERASE = "Erase"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered."""

    option: str
    by: str  # "": nobody, in time

    @classmethod
    def of(cls, told: Mapping[str, Any] | None) -> Self:
        """Read what the task of an ``Approval`` handed on; nothing is a rejection by nobody."""
        told = told or {}
        user = told.get("responded_by_user") or {}
        (option,) = told.get("chosen_options") or [REJECT]
        return cls(option, str(user.get("name") or user.get("id") or ""))


class Approval(HITLOperator):  # type: ignore[misc]
    """Asks, and waits without a worker.

    Those whom the variable ``approvers`` names may answer; without it everybody who may work on the DAG.
    The task after it gets the answer and who gave it (``chosen_options``, ``responded_by_user``).

    Parameters
    ----------
    body
        The evidence, in Markdown.
    options
        What may be answered; the last is taken, by nobody, if no answer comes in time.
    days
        Until when an answer counts.
    """

    def __init__(self, *, options: Sequence[str], days: int, task_id: str = "approve", **kwargs: Any) -> None:
        super().__init__(
            task_id=task_id,
            doc_md="Ask a person, who sees the evidence.",
            options=list(options),
            defaults=[options[-1]],
            response_timeout=timedelta(days=days),
            **kwargs,
        )

    def execute(self, context: Any) -> Any:
        """Put the question."""
        from include.orchestration.variables import (
            Names,
            variable,
        )  # pydantic: not while a DAG file is parsed

        names = variable("approvers", Names, [])
        self.assigned_users = [{"id": name, "name": name} for name in names] or None
        return super().execute(context)
