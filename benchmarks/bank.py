"""Stores, customers and the first model of a simulated bank, made by the DAGs that make them for everybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.local.airflow_api import AirflowApi


def make_bank(api: AirflowApi, bank: Mapping[str, Any]) -> None:
    """Make them and wait.

    Parameters
    ----------
    bank
        Params of the DAGs: ``seed``, ``customers``, ``training_days``.

    Raises
    ------
    RunFailed
        A run failed or did not end in time.
    """
    # Stores that have been made start a training by themselves: of this bank, then.
    api.set_variable("simulated_bank", {**bank, "rate": 20, "seconds": 60})
    api.run("initialize_stores", {}, 600)
    api.run("load_customers", bank, 600)
    api.run("train_models", {**bank, "only_if_missing": True}, 1500)
