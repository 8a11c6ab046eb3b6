"""The pages: each module has a ``router`` with its page and the same as JSON below ``/api``.

A new page is a module here, a line in ``PAGES`` and, if it is to be found, one in ``navigation``.
"""

from __future__ import annotations

from types import ModuleType

from plugins.fraud_desk import acting, runs
from plugins.fraud_desk.pages import (
    account,
    alert,
    counterparty,
    dead_letters,
    deliveries,
    digest,
    exports,
    models,
    overview,
    queue,
    reports,
    rules,
    search,
    suppressions,
)

PAGES: tuple[ModuleType, ...] = (
    overview, queue, alert, account, counterparty, search, suppressions, acting,
    dead_letters, rules, models, deliveries, digest, reports, exports, runs,
)  # fmt: skip
