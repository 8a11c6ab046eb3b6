"""``make bench``: latency, throughput, baselines, limits and growth of the embedded stack, in one run on one bank.

================  ====================================================================================
``__main__``      the command line; parts one after the other, checks across them, ``reports/bench.json``
``flow``          a stack with a bank: sends at a rate, waits until all of it is through
``measured``      what became of a stretch of the stream: latencies, and seconds by stage
``latency``       part 1: at several rates
``throughput``    part 2: as fast as it goes without falling behind; memory of every server
``baselines``     part 3: the usual way, and one continuous job without Airflow
``continuous``    that job, a program of its own
``usual_way``     the usual way's DAG; only a benchmark's own Airflow sees it
``limits``        part 3c: each component alone
``growth``        part 4: cost of a batch as accounts, stored transactions and batches become many
``quick``         ``make bench-quick``: ratios that CI holds
``plots``         ``reports/bench.html``
================  ====================================================================================
"""
