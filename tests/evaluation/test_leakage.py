"""Leaks are planted here, and have to be caught."""

import numpy as np
import pyarrow as pa
import pytest

from include.evaluation.errors import LeakFound
from include.evaluation.experiment import project_features
from include.evaluation.leakage import audit, turned

pytestmark = pytest.mark.slow


def test_the_projects_features_pass(data):
    audit(data, project_features)


def test_a_label_used_from_the_payment_on_is_caught(data):
    def leaking(transactions: pa.Table, labels: pa.Table) -> pa.Table:
        at = labels.column_names.index("labelled_at")
        return project_features(transactions, labels.set_column(at, "labelled_at", labels["occurred_at"]))

    with pytest.raises(LeakFound, match="counterparty_known_frauds_"):
        audit(data, leaking)


def test_a_label_used_a_day_early_is_caught(data):
    def leaking(transactions: pa.Table, labels: pa.Table) -> pa.Table:
        at = labels.column_names.index("labelled_at")
        early = labels["labelled_at"].cast(pa.int64()).to_numpy() - 86_400_000_000
        moved = pa.array(early).cast(labels.schema.field("labelled_at").type)
        return project_features(transactions, labels.set_column(at, "labelled_at", moved))

    with pytest.raises(LeakFound, match="counterparty_"):
        audit(data, leaking)


def test_the_answer_written_into_a_feature_is_caught(data):
    def leaking(transactions: pa.Table, labels: pa.Table) -> pa.Table:
        frauds = set(labels["transaction_id"].to_pylist())
        flags = np.array([name in frauds for name in transactions["transaction_id"].to_pylist()], float)
        return project_features(transactions, labels).append_column("answer", pa.array(flags))

    with pytest.raises(LeakFound, match="expected answer to know no label younger than the delay"):
        audit(data, leaking)


def test_turning_labels_round_touches_only_those(data):
    which = data.day == data.day.max()
    other = turned(data, which)
    np.testing.assert_array_equal(other.fraud != data.fraud, which)
    assert other.transactions is data.transactions
