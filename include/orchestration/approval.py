"""The question whether a change may go live, which a person answers in Airflow's UI."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator

from include.orchestration.governance_words import APPROVE, REJECT


class ApprovalByAnother(HITLOperator):  # type: ignore[misc]
    """Asks for approval, and waits without a worker.

    The task after it gets the answer and who gave it, and refuses the author; an answer that does not come in
    time is a rejection by nobody.

    Parameters
    ----------
    body
        The evidence, in Markdown.
    days
        Until when an answer counts.
    """

    def __init__(self, *, task_id: str = "approve", days: int = 7, **kwargs: Any) -> None:
        super().__init__(
            task_id=task_id,
            subject="May this change go live?",
            options=[APPROVE, REJECT],
            defaults=[REJECT],
            response_timeout=timedelta(days=days),
            doc_md="Ask somebody other than the author.",
            **kwargs,
        )
