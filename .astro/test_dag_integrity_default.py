"""What `astro dev parse` and `astro deploy` run in the image: every DAG file imports.

Everything else about the DAGs is tested in tests/dags.
"""

from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

DAGS = Path(__file__).resolve().parent.parent / "dags"


def test_dag_files_import() -> None:
    bag = DagBag(dag_folder=DAGS)
    assert bag.import_errors == {}
    assert set(bag.dags) == {path.stem for path in DAGS.glob("*.py")}
