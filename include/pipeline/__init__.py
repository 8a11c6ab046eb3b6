"""The steps of the flow: send, score, alert, load; and what makes and clears their data.

==================  ==================================================================================
``bank``            the simulated bank as a source: its history, and the stream that follows it
``first_model``     the first model, and the states it goes on from, out of that history
``labelling``       fraud labels: what came, the verdicts that follow, what waits for its transaction
``known_labels``    which verdicts have come since when
``scoring``         features, rules, models: one decision a transaction
``alerting``        alerts and their deliveries
``loading``         rows in Cassandra
``parity``          features used live against the same computed again from the lake
``batch_log``       accepted batches in order, and where states can start
``replay``          a decision recomputed; ``replay_compare`` holds it against what is stored
``parity_record``   what the last check found, and whether a model may be promoted after it
``states``          states as a file of the lake
``retention``       what is deleted when
==================  ==================================================================================

Each step after Kafka reads what is due from the ledger, does it in order and moves its cursor last. No
Airflow here: a step gets its stores as arguments.
"""
