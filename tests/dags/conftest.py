"""The DAGs, loaded once a session."""

from __future__ import annotations

import pytest

from tests.dags.facts import Bag, load


@pytest.fixture(scope="session")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Bag:
    """Everything Airflow makes of the DAG folder."""
    return load(tmp_path_factory.mktemp("airflow"))
