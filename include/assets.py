"""Every asset of the project, declared once.

An asset declared in a second place without its watcher would delete the watcher, so DAG files
import from here and declare none. Events of the batch assets carry the batch's number as partition key.
"""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from include.settings import settings
from include.stores.lake.names import LABELS
from plugins.kafka_arrival import KafkaArrivalTrigger

_topics = settings().topics
_stream = settings().stream
_LABEL_SECONDS = 5.0
_WATCH_SECONDS = 20.0

TRANSACTIONS = Asset(
    name="transactions",
    uri=f"kafka://bank/{_topics.transactions}",
    group="arrivals",
    watchers=[
        AssetWatcher(
            name="kafka_arrivals",
            trigger=KafkaArrivalTrigger(
                topic=_topics.transactions,
                lake=settings().lake,
                poll_seconds=_stream.poll_seconds,
                linger_seconds=_stream.linger_seconds,
                cadence_seconds=_stream.cadence_seconds,
                refire_seconds=_stream.refire_seconds,
                watch_seconds=_WATCH_SECONDS,
            ),
        )
    ],
)
LABEL_ARRIVALS = Asset(
    name="fraud_labels",
    uri=f"kafka://bank/{_topics.labels}",
    group="arrivals",
    watchers=[
        AssetWatcher(
            name="label_arrivals",
            trigger=KafkaArrivalTrigger(
                topic=_topics.labels,
                lake=settings().lake,
                cursor=LABELS,
                # Labels come days after their transactions; seconds do not matter, and each look costs.
                poll_seconds=_LABEL_SECONDS,
                linger_seconds=_LABEL_SECONDS,
                cadence_seconds=_LABEL_SECONDS,
                refire_seconds=_stream.refire_seconds,
            ),
        )
    ],
)
LABEL_BATCHES = Asset(name="labels", uri="lake://bank/labels", group="batches")
TRANSACTION_BATCHES = Asset(name="transaction_batches", uri="lake://bank/accepted", group="batches")
SCORED_BATCHES = Asset(name="scored_batches", uri="lake://bank/scored", group="batches")
ALERTS = Asset(name="alerts", uri="cassandra://bank/alerts", group="alerts")
STORED_TRANSACTIONS = Asset(
    name="cassandra.transactions", uri="cassandra://bank/transactions", group="stores"
)
STORES = Asset(name="stores", uri="cassandra://bank/schema", group="stores")
CUSTOMERS = Asset(name="customers", uri="cassandra://bank/customers", group="alerts")
FRAUD_MODEL = Asset(name="fraud_model", uri="lake://bank/models", group="models")
CHALLENGERS = Asset(name="challengers", uri="lake://bank/challengers", group="models")
CHALLENGER_EVIDENCE = Asset(name="challenger_evidence", uri="lake://bank/shadow", group="models")
MODEL_DRIFT = Asset(name="model_drift", uri="lake://bank/drift", group="models")
PARITY = Asset(name="feature_parity", uri="lake://bank/checks/parity", group="models")
RULES = Asset(name="rules", uri="lake://bank/rules", group="rules")
LISTS = Asset(name="lists", uri="lake://bank/lists", group="rules")
RULE_BACKTESTS = Asset(name="rule_backtests", uri="lake://bank/backtests", group="rules")
QUALITY = Asset(name="detection_quality", uri="lake://bank/quality", group="models")
REPORTS = Asset(name="reports", uri="lake://bank/reports", group="reports")
