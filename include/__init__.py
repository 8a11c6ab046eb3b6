"""Tidewatch: real-time monitoring of bank transactions, controlled by Airflow.

Domain packages (``transactions``, ``features``, ``rules``, ``detection``, ``alerts``) know neither
Airflow nor Spark nor a database driver; ``stores`` holds the ports they speak to and the adapters
behind those ports; ``spark`` and ``local`` are the engines around them.
"""
