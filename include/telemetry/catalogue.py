"""Every metric: its name, kind, labels and meaning. The dashboard and the alert rules are held against this list.

Names follow the conventions of Prometheus: the unit at the end in base units, ``_total`` for what only grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a metric is to Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes
    ----------
    name
        Without the ``_total`` of a counter and the ``_bucket``, ``_sum``, ``_count`` of a histogram.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """Names as a query spells them."""
        if self.kind is Kind.COUNTER:
            return (f"{self.name}_total",)
        if self.kind is Kind.HISTOGRAM:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)


_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

RECORDS = Metric(
    "tidewatch_records", _C, "Records read from Kafka; outcomes add up to what was read",
    ("topic", "outcome"),
)  # fmt: skip
DEAD_LETTERS = Metric(
    "tidewatch_dead_letter_reasons", _C, "Reasons for refusal; a refused record has one or more", ("topic", "reason")
)  # fmt: skip
BATCHES = Metric("tidewatch_batches", _C, "Batches a stage has done", ("stage",))
DECISIONS = Metric("tidewatch_decisions", _C, "Transactions by decision", ("decision",))
LEVELS = Metric(
    "tidewatch_decision_levels", _C, "Transactions by the level they were decided at: FULL, or with less than all",
    ("level",),
)  # fmt: skip
ALERTS = Metric(
    "tidewatch_alerts", _C, "Alerts by what became of them: told, joined to an earlier one, suppressed",
    ("handling",),
)  # fmt: skip
ENQUEUED = Metric("tidewatch_deliveries_enqueued", _C, "Deliveries that alerts of batches were given")
STORED = Metric("tidewatch_stored_transactions", _C, "Transactions loaded into Cassandra")
LABELS = Metric("tidewatch_labels", _C, "Fraud labels taken up, by who says so", ("source",))

DURATION = Metric(
    "tidewatch_stage_duration_seconds", _H, "From taking a batch up to its end, by stage", ("stage",)
)
AGE = Metric(
    "tidewatch_stage_age_seconds", _H, "Age of a batch's oldest record, by the broker's time, when a stage is done",
    ("stage",),
)  # fmt: skip
WAIT = Metric(
    "tidewatch_trigger_wait_seconds",
    _H,
    "From the oldest record's arrival until processing takes the batch up",
)
SPARK = Metric("tidewatch_spark_run_seconds", _H, "From taking a batch up until Spark has committed it")
SETTLE = Metric("tidewatch_settle_seconds", _H, "Settling a committed batch: duplicates, dead letters")
SCORES = Metric(
    "tidewatch_transaction_score", _H, "Calibrated probability of fraud of each transaction that a model has scored"
)  # fmt: skip
BATCH_SIZE = Metric("tidewatch_batch_records", _H, "Records of a batch")

PENDING = Metric("tidewatch_stage_pending_batches", _G, "Batches that wait for a stage", ("stage",))
NEWEST = Metric(
    "tidewatch_newest_batch_timestamp_seconds", _G, "When a stage was last done with a batch", ("stage",)
)
MODEL = Metric(
    "tidewatch_model_info", _G, "1 for the model of the newest scored batch; version is none for rules only",
    ("version",),
)  # fmt: skip
RULES = Metric(
    "tidewatch_ruleset_info", _G, "1 for the rule set and list changes of the newest scored batch",
    ("version", "lists"),
)  # fmt: skip

LAG = Metric(
    "tidewatch_consumer_lag_records", _G, "Records the broker has and no batch", ("topic", "partition")
)
OFFSET = Metric("tidewatch_processed_offset", _G, "End of what batches have taken", ("topic", "partition"))
OLDEST = Metric(
    "tidewatch_oldest_unprocessed_age_seconds", _G, "Age of the oldest record no batch has, by the broker's time",
    ("topic",),
)  # fmt: skip

OUTBOX = Metric(
    "tidewatch_outbox_deliveries", _G, "Deliveries PENDING, SENDING or DEAD, of each state at most 2,000 looked at",
    ("channel", "state"),
)  # fmt: skip
DUE = Metric("tidewatch_outbox_due", _G, "PENDING deliveries whose time has come", ("channel",))
RECENT = Metric(
    "tidewatch_recent_deliveries", _G, "Deliveries made in the last 15 minutes, by state now, at most 5,000 looked at",
    ("channel", "state"),
)  # fmt: skip
LATENCY = Metric(
    "tidewatch_recent_delivery_latency_seconds", _G,
    "From the broker to the hand-over, alerts of the last 15 minutes; no sample without any", ("quantile",),
)  # fmt: skip

OPEN_ALERTS = Metric("tidewatch_open_alerts", _G, "Alerts that wait for somebody", ("severity",))
INCIDENT = Metric("tidewatch_incident_open", _G, "1 while an incident is open, 0 once it is over", ("key",))
INCIDENTS = Metric("tidewatch_incidents", _C, "How often each incident began", ("key",))
DRIFT = Metric("tidewatch_drift_alarms_open", _G, "Drift alarms that stand", ("kind",))
FAILED_TASKS = Metric(
    "tidewatch_recent_failed_tasks", _G,
    "Tries of tasks that failed or were abandoned in the last hour: tried_again, or given_up", ("dag", "outcome"),
)  # fmt: skip
DISK_FREE = Metric("tidewatch_disk_free_bytes", _G, "Free space where data are kept", ("place",))
DISK_SIZE = Metric("tidewatch_disk_size_bytes", _G, "Size of the disk where data are kept", ("place",))
UP = Metric(
    "tidewatch_metrics_part_up", _G, "1 if a part of these metrics could be read; 0: its samples are missing",
    ("part",),
)  # fmt: skip

#: Every metric, in the order they are exposed in.
CATALOGUE: tuple[Metric, ...] = tuple(one for one in list(globals().values()) if isinstance(one, Metric))
