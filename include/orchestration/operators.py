"""How the chain's steps run as Airflow tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from airflow.providers.standard.operators.python import PythonOperator


class StepOperator(PythonOperator):  # type: ignore[misc]
    """Calls a step of the chain, which has no templates.

    An operator with templates tells the API server what they became before it runs: a request a task, 35 ms
    on a busy machine, three times between a transaction and its alert. As with ``@task``, the callable's
    docstring is what the UI says of the task.
    """

    template_fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, python_callable: Callable[..., Any], **kwargs: Any) -> None:
        super().__init__(python_callable=python_callable, doc_md=python_callable.__doc__, **kwargs)
