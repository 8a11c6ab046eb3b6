"""Which failures are worth another try, by exception class, each with its reason."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryRule
from airflow.sdk.definitions.retry_policy import RetryAction

_SOON = timedelta(seconds=2)

#: Tries of a task of the chain. With the sweep behind it a batch is never given up for good.
RETRIES = 5

POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception=[
                "include.stores.cassandra.errors.StoreUnavailable",
                "include.transactions.errors.DeliveryFailed",
                "grpc.RpcError",
                "pyspark.errors.PySparkException",
                "builtins.ConnectionError",
                "builtins.TimeoutError",
            ],
            action=RetryAction.RETRY,
            retry_delay=_SOON,
            reason="a server was away; they are restarted within seconds",
        ),
        RetryRule(
            exception=[
                "include.alerts.errors.CustomerError",
                "include.features.errors.ParityBroken",
                "include.stores.cassandra.errors.ForeignKeyspace",
                "include.stores.cassandra.errors.MigrationInvalid",
                "include.stores.lake.errors.ForeignLake",
                "include.detection.errors.PromotionRefused",
                "include.governance.errors.ChangeRefused",
                "include.governance.errors.BacktestDiffers",
                "include.orchestration.variables.InputRefused",
                "include.reports.periods.PeriodRefused",
                "include.settings.SettingsRefused",
                "include.transactions.errors.RecordTooLarge",
                "include.transactions.errors.ResendRefused",
                "include.privacy.errors.ErasureRefused",
            ],
            action=RetryAction.FAIL,
            reason="somebody has to look first: the next try would find the same",
        ),
        RetryRule(
            exception=[
                "builtins.TypeError",
                "builtins.AttributeError",
                "builtins.ImportError",
                "builtins.AssertionError",
            ],
            action=RetryAction.FAIL,
            reason="a mistake in the code: the next try would make it again",
        ),
    ]
)

#: ``default_args`` of every DAG of the chain.
CHAIN = {
    "owner": "fraud-platform",
    "retries": RETRIES,
    "retry_delay": timedelta(seconds=5),
    "retry_policy": POLICY,
    "execution_timeout": timedelta(minutes=10),
}
