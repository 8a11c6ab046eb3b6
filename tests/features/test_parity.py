from datetime import timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from include.alerts.masking import mask_account
from include.features.engine import FeatureEngine
from include.features.parity import ROW, LoggedBatch, check_parity
from include.stores.memory.state import MemoryStateStore
from tests.features.reference import START, Label, Payment, label_table, table

HOUR = timedelta(hours=1)
PAYMENTS = [
    Payment(
        f"t{i}", START + HOUR * 5 * i, account="ABC"[i % 3], counterparty="KL"[i % 2], amount=Decimal(i + 1)
    )
    for i in range(60)
]
# Two late events, and labels that come with later batches than they were known at.
ORDER = [*PAYMENTS[:10], *PAYMENTS[12:30], *PAYMENTS[10:12], *PAYMENTS[30:]]


def live(size: int = 9, states: MemoryStateStore | None = None) -> list[LoggedBatch]:
    """Score batch by batch, as the pipeline does, and log what was used."""
    engine = FeatureEngine(states or MemoryStateStore())
    log = []
    for number, start in enumerate(range(0, len(ORDER), size)):
        accepted = table(ORDER[start : start + size])
        news = label_table([Label(p, p.time + HOUR) for p in ORDER[max(start - size, 0) : start : 3]])
        result = engine.run(accepted, number, news)
        engine.commit(result, number)
        log.append(LoggedBatch(number, accepted, scored(accepted, result.features), news))
    return log


def scored(accepted: pa.Table, features: pa.Table) -> pa.Table:
    struct = pa.StructArray.from_arrays(
        [features[name].combine_chunks() for name in features.column_names], names=features.column_names
    )
    return accepted.append_column("features", struct)


def spoilt(batch: LoggedBatch, name: str, row: int, by: float) -> LoggedBatch:
    struct = batch.scored["features"].combine_chunks()
    columns = {field.name: struct.field(i).to_pylist() for i, field in enumerate(struct.type)}
    columns[name][row] += by
    return LoggedBatch(batch.number, batch.accepted, scored(batch.accepted, pa.table(columns)), batch.labels)


def test_what_live_scoring_used_is_found_again():
    report = check_parity(live(), MemoryStateStore())
    assert report.clean
    assert (report.batches, report.rows) == (7, 60)
    assert report.values == 60 * 93


def test_it_goes_on_from_the_states_live_scoring_started_from():
    def started() -> MemoryStateStore:
        store, engine = MemoryStateStore(), FeatureEngine(MemoryStateStore())
        before = engine.run(table([Payment(f"b{i}", START - HOUR * i) for i in range(5)]), 0)
        for kind, states in before.states.items():
            store.write(kind, {key.replace("M", "K"): state for key, state in states.items()}, -1)
        return store

    log = live(states=started())
    assert check_parity(log, started()).clean
    assert not check_parity(log, MemoryStateStore()).clean


def test_a_replayed_batch_changes_nothing():
    log = live()
    assert check_parity([*log[:4], log[3], *log[4:]], MemoryStateStore()).clean


@pytest.mark.parametrize(("name", "by"), [("account_count_24h", 1.0), ("counterparty_sum_7d", 1e-3)])
def test_a_mismatch_names_feature_account_and_batch(name, by):
    log = live()
    log[2] = spoilt(log[2], name, 4, by)
    report = check_parity(log, MemoryStateStore())
    assert not report.clean
    assert report.mismatched == 1
    found = report.mismatches[0]
    payment = ORDER[2 * 9 + 4]
    assert (found.batch, found.feature, found.account_id) == (2, name, payment.account)
    assert found.used == found.recomputed + by
    for part in ("batch 2", name, f"account {mask_account(payment.account)}", payment.id):
        assert part in str(found)


def test_sums_may_differ_in_the_last_bits_and_counts_may_not():
    log = live()
    log[3] = spoilt(log[3], "account_sum_7d", 1, 1e-12)
    assert check_parity(log, MemoryStateStore()).clean
    log[3] = spoilt(log[3], "account_count_7d", 1, 1e-12)
    assert [m.feature for m in check_parity(log, MemoryStateStore()).mismatches] == ["account_count_7d"]


def test_labels_that_live_scoring_never_got_show():
    log = [LoggedBatch(b.number, b.accepted, b.scored, None) for b in live()]
    report = check_parity(log, MemoryStateStore())
    assert {m.feature.split("_")[0] for m in report.mismatches} == {"counterparty"}
    assert any("known_frauds" in m.feature for m in report.mismatches)


def test_rows_and_features_that_are_missing_show():
    log = live()
    short = log[1].scored.slice(1)
    report = check_parity([log[0], LoggedBatch(1, log[1].accepted, short, log[1].labels)], MemoryStateStore())
    assert [(m.feature, m.batch, m.transaction_id) for m in report.mismatches] == [(ROW, 1, ORDER[9].id)]
    features = log[0].scored["features"].combine_chunks().flatten()
    names = [field.name for field in log[0].scored.schema.field("features").type]
    bare = pa.table(dict(zip(names, features, strict=True))).drop_columns(["amount_value"])
    report = check_parity(
        [LoggedBatch(0, log[0].accepted, scored(log[0].accepted, bare))], MemoryStateStore()
    )
    assert report.mismatched == 9
    assert {m.feature for m in report.mismatches} == {"amount_value"}


def test_nothing_compared_is_not_clean():
    assert not check_parity([], MemoryStateStore()).clean
