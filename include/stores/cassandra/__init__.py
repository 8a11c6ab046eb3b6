"""Cassandra adapters of the store ports: tables by query, idempotent writes, no counters.

===================  ==================================================================================
``session``          connect, and say plainly when Cassandra is out of reach
``statements``       prepare once a session, execute, map the driver's errors at the border
``batches``          thousands of rows as UNLOGGED batches, by replica and size, with bounded concurrency
``replicas``         which rows or keys live together
``encoding``         Arrow columns to the bytes of the protocol, a column at a time
``clock``            microseconds, which Cassandra's timestamp does not have
``migrations``       numbered CQL files applied once; ``cql`` fills in and splits them
``retention``        how long each table keeps a row
``state``, ``seen``  the stores behind features and de-duplication
``alerts``           alerts by id, day and account
``outbox``           deliveries by compare-and-set; ``outbox_records`` are their rows, ``outbox_hints``
                     lead to those that are due, ``outbox_digests`` hold what digests may tell of,
                     ``outbox_sent`` how many went to whom, ``outbox_listing`` is for people who look
``answers``          compare-and-sets whose answer may not come
``customers``        where and when customers may be told
``loader``           a scored batch into its tables; ``running`` carries the cumulative totals
``queries``          the readers of what the loader wrote
``ledger``           which stage has finished which batch
``audit``            the second witness of the lake's audit, and rows held against scored files
``errors``           the exception tree
===================  ==================================================================================
"""
