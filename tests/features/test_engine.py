from datetime import timedelta
from decimal import Decimal

from include.features.engine import FeatureEngine
from include.stores.memory.state import MemoryStateStore
from include.transactions.schema import TRANSACTION_SCHEMA
from tests.features.reference import START, Payment, assert_same, features_of, table

BATCHES = [
    [
        Payment(f"{b}-{i}", START + timedelta(hours=7 * b, minutes=i), amount=Decimal(b + i + 1))
        for i in range(5)
    ]
    for b in range(4)
]


def test_batches_build_on_each_other():
    engine = FeatureEngine(MemoryStateStore())
    told = []
    for number, batch in enumerate(BATCHES):
        told += batch
        result = engine.run(table(batch), number)
        engine.commit(result, number)
        assert_same(result.features, [features_of(p, told) for p in batch])


def test_a_batch_done_again_gives_the_same_bytes_committed_or_not():
    engine = FeatureEngine(MemoryStateStore())
    for number, batch in enumerate(BATCHES):
        first = engine.run(table(batch), number)
        again = engine.run(table(batch), number)
        engine.commit(first, number)
        after = engine.run(table(batch), number)
        engine.commit(after, number)
        for other in (again, after):
            assert other.states == first.states
            assert other.features.to_pandas().equals(first.features.to_pandas())


def test_running_writes_nothing():
    store = MemoryStateStore()
    FeatureEngine(store).run(table(BATCHES[0]), 0)
    assert store.read("account", ["A"], 10) == {}


def test_an_empty_batch():
    engine = FeatureEngine(MemoryStateStore())
    result = engine.run(TRANSACTION_SCHEMA.empty_table(), 0)
    engine.commit(result, 0)
    assert result.features.num_rows == 0
