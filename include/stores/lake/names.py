"""Names of folders in the lake that are no stage of a batch of transactions."""

from __future__ import annotations

#: What the Spark runs read, one folder a run; see ``include.spark.process_batch``.
ARRIVALS = "arrivals"

#: Versions and promotions of the model; see ``include.detection.registry``.
MODELS = "models"

#: Batches of fraud labels: a numbering and a cursor of their own.
LABELS = "labels"

#: Back-tests of rules, one folder each; see ``include.pipeline.backtest_record``.
BACKTESTS = "backtests"

#: Mails to people of the bank; see ``include.orchestration.notices``.
NOTICES = "notices"

#: What erasure requests have to do and have done; see ``include.privacy``.
ERASURES = "erasures"
