"""What the DAGs share: stores made from Airflow's connections, task bodies, retry rules.

The one package between Airflow and the domain, besides ``dags`` and ``plugins`` themselves.
"""
