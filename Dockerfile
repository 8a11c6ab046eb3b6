# A tag of the runtime is never moved to another image; for a stricter rule pin its digest (@sha256:…) here.
FROM astrocrpublic.azurecr.io/runtime:3.3-8

# `from include…` and `from plugins…` start at the project's folder.
ENV PYTHONPATH="/usr/local/airflow${PYTHONPATH:+:${PYTHONPATH}}"

# What the chain's speed depends on; the same values as LATENCY in include/local/airflow_environment.py.
# Reasons and measurements: docs/decisions/0004-airflow-latency.md.
ENV AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME=0.1 \
    AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL=1 \
    AIRFLOW__CORE__PARALLELISM=12 \
    AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL=600 \
    AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES=1 \
    AIRFLOW__METRICS__STATSD_ON=False

# Events for a paused consumer are not kept; only the simulated bank waits to be switched on.
ENV AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION=False
# Pages about the API that anybody may open.
ENV AIRFLOW__API__ENABLE_SWAGGER_UI=False

# The tasks side by side are the parallelism.
ENV OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1

# The runtime's own user without rights; said here so that no later instruction ends as root.
USER astro
