"""Imports in the background what pages of rules and models need, so that nobody's first visit waits for it."""

from __future__ import annotations

import importlib
import logging
import threading

log = logging.getLogger(__name__)

#: Each takes seconds to import (scikit-learn, Arrow, SQL parsing), on a busy machine many.
MODULES = (
    "plugins.fraud_desk.rule_view",
    "plugins.fraud_desk.model_view",
    "include.reports.case_pdf",
)


def warm() -> threading.Thread:
    """Begin to import; the server comes up meanwhile, and a page that is asked for earlier imports for itself."""

    def imports() -> None:
        for module in MODULES:
            try:
                importlib.import_module(module)
            except Exception:  # the page that needs it tells the person who asks for it
                log.exception(
                    "expected to import %s ahead of its first use; that page will try again", module
                )

    thread = threading.Thread(target=imports, name="desk-warming", daemon=True)
    thread.start()
    return thread
