"""The metrics' route: for Prometheus with its token, for people who may read the desk, for nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from include.governance.incidents import raise_incident
from include.settings import Settings, settings
from include.stores.cassandra.errors import StoreUnavailable
from include.telemetry.catalogue import CATALOGUE
from tests.alerts.examples import alert
from tests.desk.bank import MemoryBank
from tests.desk.conftest import PREFIX, SignIn, session_of
from tests.telemetry.chain import Chain

TOKEN = "a token of the tests, long enough"
PATH = f"{PREFIX}/api/metrics"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The settings have a token."""
    monkeypatch.setenv("TIDEWATCH_METRICS_TOKEN", TOKEN)
    settings.cache_clear()
    yield TOKEN
    monkeypatch.undo()
    settings.cache_clear()


def test_prometheus_reads_them_with_its_token(sign_in: SignIn, token: str) -> None:
    answer = sign_in(None).get(PATH, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["cache-control"] == "no-store"
    assert "tidewatch_records" in {family.name for family in parse(answer.text)}


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ü"])
def test_others_are_refused_and_not_led_to_a_page(sign_in: SignIn, token: str, shown: str) -> None:
    answer = sign_in(None).get(PATH, headers={"authorization": shown.encode()} if shown else {})
    assert answer.status_code == 401
    assert answer.json()["code"] == "sign_in"


def test_the_token_opens_nothing_else(sign_in: SignIn, token: str) -> None:
    for path in ("/api/queue", "/api/deliveries"):
        answer = sign_in(None).get(PREFIX + path, headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401


def test_without_a_token_in_the_settings_none_opens_it(sign_in: SignIn) -> None:
    for shown in ("Bearer ", "Bearer x"):
        assert sign_in(None).get(PATH, headers={"authorization": shown}).status_code == 401


def test_viewers_read_them_with_their_session(sign_in: SignIn) -> None:
    assert sign_in("viewer").get(PATH).status_code == 200
    bearer = {"authorization": f"Bearer {session_of('viewer', 'VIEWER')}"}
    assert sign_in(None).get(PATH, headers=bearer).status_code == 200


def test_a_short_token_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="at least 24 characters"):
        Settings(metrics_token="guess me")  # type: ignore[arg-type]


def test_the_endpoint_of_traces_is_that_of_opentelemetry_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().otlp_endpoint == ""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    assert Settings().otlp_endpoint == "http://collector:4318"
    monkeypatch.setenv("TIDEWATCH_OTLP_ENDPOINT", "http://ours:4318")
    assert Settings().otlp_endpoint == "http://ours:4318"


def test_every_metric_is_exposed_and_says_what_is_so(bank: MemoryBank, sign_in: SignIn) -> None:
    now = datetime.now(UTC)
    chain = Chain(bank.lake)
    chain.two_batches(now - timedelta(seconds=20))
    fill_labels(bank)
    outbox = bank.stores().outbox
    for delivery in chain.outbox.rows.values():
        outbox.enqueue([delivery])
    for one in outbox.due(now + timedelta(minutes=1)):
        claimed = outbox.claim(one, now, 60)
        assert claimed is not None
        outbox.delivered(claimed, now, "vendor-1")
    bank.raise_alerts(alert(1, raised_at=now, arrived_at=now))
    bank.ends, bank.oldest = {0: 3, 1: 9}, now - timedelta(seconds=30)
    raise_incident(bank.lake, "models", "expected a model")
    text = sign_in("viewer").get(PATH).text
    families = {family.name: family for family in parse(text)}
    assert set(families) == {metric.name for metric in CATALOGUE}
    found = {
        (one.name, *sorted(one.labels.values())): one.value
        for family in families.values()
        for one in family.samples
    }
    assert found["tidewatch_records_total", "accepted", "transactions"] == 5
    assert found["tidewatch_consumer_lag_records", "1", "transactions"] == 4
    assert 30 <= found["tidewatch_oldest_unprocessed_age_seconds", "transactions"] < 60
    assert found["tidewatch_incident_open", "models"] == 1
    assert found["tidewatch_open_alerts", "HIGH"] == 1
    assert found["tidewatch_labels_total", "ANALYST"] == 1
    states = list(families["tidewatch_recent_deliveries"].samples)
    assert sum(one.value for one in states) == len(chain.outbox.rows) > 0
    assert {one.labels["state"] for one in states} == {"DELIVERED"}
    assert {value for (name, *_), value in found.items() if name == "tidewatch_metrics_part_up"} == {1}
    # Numbers of accounts, names and addresses have no place here.
    for private in ("DE89370400440532013000", "C-77", "@"):
        assert private not in text


def test_tasks_that_failed_are_told_by_dag(sign_in: SignIn) -> None:
    found = {
        (one.labels["dag"], one.labels["outcome"]): one.value
        for family in parse(sign_in("viewer").get(PATH).text)
        if family.name == "tidewatch_recent_failed_tasks"
        for one in family.samples
    }
    assert found == {("score_transactions", "tried_again"): 2, ("train_models", "given_up"): 1}


def test_a_store_that_is_away_leaves_the_rest(bank: MemoryBank, sign_in: SignIn) -> None:
    bank.failure, bank.ends = StoreUnavailable("Cassandra is away"), None
    answer = sign_in("viewer").get(PATH)
    assert answer.status_code == 200
    up = {
        one.labels["part"]: one.value
        for family in parse(answer.text)
        if family.name == "tidewatch_metrics_part_up"
        for one in family.samples
    }
    assert {part for part, value in up.items() if not value} == {"broker", "outbox", "alerts"}
    assert {part for part, value in up.items() if value} == {"ledger", "incidents", "drift", "disk", "tasks"}


def fill_labels(bank: MemoryBank) -> None:
    """A batch with one label and one refusal, taken up by the production code."""
    import json

    from include.pipeline.labelling import LabelJob
    from include.stores.memory.labels import MemoryLabelStore
    from include.transactions.label_records import LabelRecord
    from tests.telemetry.chain import NoDeadLetterTopic

    now = datetime.now(UTC)
    document = {
        "transaction_id": "T-1", "account_id": "A", "is_fraud": True, "source": "ANALYST",
        "labelled_at": now.isoformat(),
    }  # fmt: skip
    records = [
        LabelRecord(value=json.dumps(document).encode(), key=b"T-1", arrived_at=now, partition=0, offset=0),
        LabelRecord(value=b"no label", key=b"T-2", arrived_at=now, partition=0, offset=1),
    ]
    job = LabelJob(
        lambda start, ends: records, lambda ids: {}, bank.lake, MemoryLabelStore(), NoDeadLetterTopic()
    )
    job.run({0: 2})
