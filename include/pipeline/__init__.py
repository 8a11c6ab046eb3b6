"""The steps after Kafka, a batch at a time: score, alert, load.

Each step reads what is due from the ledger, does it in order and moves its cursor last. No Airflow
here: a step gets its stores as arguments.
"""
