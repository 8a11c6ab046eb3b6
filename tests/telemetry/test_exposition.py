"""The text for Prometheus: whole, valid, and patient with parts that are away."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from include.telemetry import catalogue as c
from include.telemetry.exposition import Exposition
from include.telemetry.flow import flow_samples
from include.telemetry.samples import Histogram, Sample, sample
from tests.telemetry.chain import TOPICS, Chain


def lag_of_seven() -> list[Sample]:
    return [sample(c.LAG, 7, topic="t", partition="0")]


def samples_of(exposition: Exposition) -> dict[str, float]:
    text, _ = exposition.text("")
    return {
        f"{one.name}{sorted(one.labels.items())}": one.value
        for family in parse(text.decode())
        for one in family.samples
    }


def test_both_formats_can_be_parsed(chain: Chain) -> None:
    exposition = Exposition({"ledger": lambda: flow_samples(chain.lake, TOPICS.transactions, TOPICS.labels)})
    text, media_type = exposition.text("")
    assert media_type.startswith("text/plain")
    families = {family.name: family for family in parse(text.decode())}
    assert families["tidewatch_records"].type == "counter"
    buckets = [
        one.value for one in families["tidewatch_batch_records"].samples if one.name.endswith("_bucket")
    ]
    assert buckets == sorted(buckets)  # cumulative
    assert buckets[-1] == 2
    text, media_type = exposition.text("application/openmetrics-text; version=1.0.0")
    assert media_type.startswith("application/openmetrics-text")
    assert {family.name for family in parse_openmetrics(text.decode())} == set(families)


def test_a_part_that_fails_costs_the_others_nothing() -> None:
    def away() -> Iterator[Sample]:
        yield sample(c.LAG, 1, topic="t", partition="1")
        raise OSError("the store is away")

    found = samples_of(Exposition({"broker": away, "ledger": lag_of_seven}))
    assert found == {
        "tidewatch_consumer_lag_records[('partition', '0'), ('topic', 't')]": 7,
        "tidewatch_metrics_part_up[('part', 'broker')]": 0,
        "tidewatch_metrics_part_up[('part', 'ledger')]": 1,
    }


def test_a_part_that_hangs_is_left_alone_until_it_comes_back() -> None:
    release, calls = threading.Event(), []

    def hangs() -> list[Sample]:
        calls.append(1)
        assert release.wait(30)
        return lag_of_seven()

    exposition = Exposition({"broker": hangs, "disk": list}, fresh_seconds=0, part_seconds=0.2)
    for _ in range(3):
        begun = time.monotonic()
        found = samples_of(exposition)
        assert time.monotonic() - begun < 2
        assert found["tidewatch_metrics_part_up[('part', 'broker')]"] == 0
        assert found["tidewatch_metrics_part_up[('part', 'disk')]"] == 1
    assert calls == [1]
    release.set()
    end = time.monotonic() + 10
    while samples_of(exposition)["tidewatch_metrics_part_up[('part', 'broker')]"] == 0:
        assert time.monotonic() < end, "waited 10 s for the part to come back"


def test_many_who_ask_cost_one_reading() -> None:
    calls = []

    def counted() -> list[Sample]:
        calls.append(1)
        return lag_of_seven()

    exposition = Exposition({"broker": counted}, fresh_seconds=60)
    assert samples_of(exposition) == samples_of(exposition)
    assert calls == [1]


def test_a_sample_fits_its_metric() -> None:
    with pytest.raises(ValueError, match="expected labels"):
        sample(c.LAG, 1, topic="t")
    with pytest.raises(ValueError, match="expected a histogram"):
        sample(c.WAIT, 1.0)
    with pytest.raises(ValueError, match="expected a gauge"):
        sample(c.LAG, Histogram((1.0,), (0, 0), 0.0), topic="t", partition="0")


def test_measures_are_never_negative(chain: Chain) -> None:
    """Clocks of broker and task differ: a record from the future waits 0 s."""
    from datetime import UTC, datetime

    from tests.telemetry.chain import record

    chain.accept(record(9, (0, 3), datetime.now(UTC) + timedelta(minutes=1)))
    measures = (chain.ledger.manifest("accepted", 2) or {})["measures"]
    assert measures["wait_seconds"] == measures["age_seconds"] == 0
