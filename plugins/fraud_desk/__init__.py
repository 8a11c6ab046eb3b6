"""The fraud desk: where people work on alerts, inside Airflow's UI and behind Airflow's login.

Every process of Airflow imports this file, so it imports next to nothing: the application is made when the
API server asks for it.

===============  ======================================================================
``app``          the application: routes, error pages, headers
``access``       who may do what, on any auth manager
``origin``       changes come from our own pages only
``bank``         stores, lake and topics as the pages see them; ``live`` makes them
``rendering``    templates, and how values are written
``pages``        one module a page: the page itself and the same as JSON
``warming``      slow imports ahead of their first use
``static``       style, scripts, icon; no build step
===============  ======================================================================
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

log = logging.getLogger(__name__)

PREFIX = "/fraud-desk"


class FraudDeskPlugin(AirflowPlugin):
    """The application and its entry in the navigation."""

    name = "fraud_desk"
    external_views = [  # noqa: RUF012 (Airflow's own type)
        {
            "name": "Fraud desk",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "url_route": "fraud-desk",
            "nav_top_level": True,
            "icon": f"{PREFIX}/static/icon.svg",
            "icon_dark_mode": f"{PREFIX}/static/icon-dark.svg",
        }
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The application; without it, and with the reason in the log, Airflow's API must still come up."""
        try:
            from plugins.fraud_desk.app import make_app
            from plugins.fraud_desk.flow_watchman import start
            from plugins.fraud_desk.live import LiveBank
            from plugins.fraud_desk.warming import warm

            bank = LiveBank()
            start(bank)
            warm()
            return [{"app": make_app(bank), "url_prefix": PREFIX, "name": "Fraud desk"}]
        except Exception:
            log.exception("expected the fraud desk to start; it did not, Airflow goes on without it")
            return []
