"""Airflow's connections for tests without an Airflow: in the environment, where it looks first."""

from __future__ import annotations

import json
from typing import Any

import pytest


def set_connection(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """Set a connection.

    Parameters
    ----------
    fields
        As ``include.local.airflow_settings.ConnectionSetting`` names them.
    """
    names = {
        "conn_schema": "schema",
        "conn_login": "login",
        "conn_password": "password",
        "conn_extra": "extra",
    }
    value = {
        names.get(name, name.removeprefix("conn_") if name != "conn_type" else name): found
        for name, found in fields.items()
        if found is not None and name != "conn_id"
    }
    monkeypatch.setenv(f"AIRFLOW_CONN_{fields['conn_id'].upper()}", json.dumps(value))
