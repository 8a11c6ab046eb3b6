"""The way of one record: every outcome is found, in order, with nobody's number or address in it."""

from __future__ import annotations

import dataclasses
import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.alerts.alert import alert_id_for
from include.alerts.delivery import CUSTOMER, DeliveryState
from include.auditing import trace
from include.cases.case import Action, Deed
from include.pipeline.journey import Journey, JourneyStores, Where, journey
from include.pipeline.journey_search import Found, Outcome, Search
from include.settings import settings
from include.stores.lake.ledger import Stage
from include.stores.lake.names import ARRIVALS
from include.stores.memory.labels import MemoryLabelStore
from include.transactions.contract import (
    REASON_AMOUNT,
    REASON_MALFORMED,
    REASON_NOT_OBJECT,
    REUSED_TRANSACTION_ID,
)
from include.transactions.dead_letter import DeadLetter, Place
from include.transactions.labels import LabelEvent
from include.transactions.resent import Resent, ResentState
from tests.alerts.examples import ACCOUNT, MERCHANT, alert, delivery
from tests.telemetry.chain import TOPICS, Chain, record

RETENTION = timedelta(days=30)


def search(chain: Chain) -> Search:
    return Search(chain.lake, TOPICS.transactions, RETENTION)


def stores(chain: Chain, labels: MemoryLabelStore | None = None) -> JourneyStores:
    world = chain.world
    return JourneyStores(
        chain.alerts, world.handlings, chain.outbox, world.cases, labels or MemoryLabelStore()
    )


def happened(way: Journey) -> list[tuple[str, str]]:
    return [(str(step.where), step.what) for step in way.steps]


def test_by_id_every_arrival_is_found(chain: Chain) -> None:
    found = search(chain).by_id("T-1")
    assert [(one.outcome, one.place, one.batch) for one in found] == [
        (Outcome.ACCEPTED, Place(0, 0), 0),
        (Outcome.DUPLICATE, Place(1, 1), 1),
    ]
    assert search(chain).by_id("T-1", batch=0) == found
    assert search(chain).by_id("T-1", batch=77) == found  # a hint that is wrong costs time only
    (refused,) = search(chain).by_id("T-3")
    assert refused.outcome is Outcome.DEAD_LETTERED
    assert refused.reasons == (REASON_AMOUNT, REASON_MALFORMED)
    assert search(chain).by_id("T-99") == []


@pytest.mark.parametrize(
    ("place", "outcome", "batch"),
    [
        (Place(0, 0), Outcome.ACCEPTED, 0),
        (Place(0, 1), Outcome.ACCEPTED, 0),
        (Place(0, 2), Outcome.ACCEPTED, 1),
        (Place(1, 0), Outcome.DEAD_LETTERED, 0),
        (Place(1, 1), Outcome.DUPLICATE, 1),
        (Place(1, 4), Outcome.DEAD_LETTERED, 1),
    ],
)
def test_by_place_each_record_is_found(chain: Chain, place: Place, outcome: Outcome, batch: int) -> None:
    found = search(chain).by_place(place)
    assert found is not None
    assert (found.place, found.outcome, found.batch) == (place, outcome, batch)


def test_an_id_that_was_used_again_for_something_else_is_found_among_the_dead_letters(
    chain: Chain, arrived_at: datetime
) -> None:
    other = record(1, (1, 5), arrived_at, amount=Decimal("99.9900"))
    again = record(9, (0, 4), arrived_at, amount=Decimal("99.9900"))
    chain.accept(other, record(9, (0, 3), arrived_at), again, record(1, (1, 6), arrived_at))
    outcomes = [(one.outcome, one.place, one.batch) for one in search(chain).by_id("T-1")]
    assert outcomes == [
        (Outcome.ACCEPTED, Place(0, 0), 0),
        (Outcome.DUPLICATE, Place(1, 1), 1),
        (Outcome.DEAD_LETTERED, Place(1, 5), 2),
        (Outcome.DUPLICATE, Place(1, 6), 2),
    ]
    for place in (Place(1, 5), Place(0, 4)):
        found = search(chain).by_place(place)
        assert found is not None
        assert (found.outcome, found.reasons, found.batch) == (
            Outcome.DEAD_LETTERED, (REUSED_TRANSACTION_ID,), 2,
        )  # fmt: skip
    assert [row["kafka_offset"] for row in chain.dead_letters.sent[-2:]] == [4, 5]
    counts = (chain.ledger.manifest(Stage.ACCEPTED, 2) or {})["counts"]
    assert counts == {"read": 4, "accepted": 1, "duplicates": 1, "dead_lettered": 2}


def test_what_no_batch_has_read_is_not_found(chain: Chain) -> None:
    for place in (Place(0, 3), Place(1, 5), Place(7, 0)):
        assert search(chain).by_place(place) is None


def test_without_the_arrivals_the_accepted_are_found_and_others_said_to_be_left_out(chain: Chain) -> None:
    chain.lake.delete_folder(ARRIVALS)
    assert [one.outcome for one in search(chain).by_id("T-1")] == [Outcome.ACCEPTED]
    found = search(chain).by_place(Place(1, 1))
    assert found is not None
    assert (found.outcome, found.batch) == (Outcome.LEFT_OUT, 1)


def test_older_batches_that_are_deleted_are_not_mistaken_for_younger_ones(chain: Chain) -> None:
    for stage in Stage:
        chain.lake.delete_folder(f"{stage}/batch=0000000000")
    assert search(chain).by_place(Place(0, 0)) is None
    found = search(chain).by_place(Place(0, 2))
    assert found is not None
    assert found.batch == 1


def test_what_spark_left_undecided_has_its_reasons_too(chain: Chain, arrived_at: datetime) -> None:
    chain.accept(record(9, (0, 3), arrived_at, errors=None, raw_value=b'["T-9"]'))
    for found in (*search(chain).by_id("T-9"), search(chain).by_place(Place(0, 3))):
        assert found is not None
        assert (found.outcome, found.reasons) == (Outcome.DEAD_LETTERED, (REASON_NOT_OBJECT,))


def test_a_record_the_cursor_has_not_reached_waits(chain: Chain, arrived_at: datetime) -> None:
    """Spark has committed it and nobody has settled it."""
    import pyarrow as pa

    from include.transactions.schema import ARRIVAL_SCHEMA

    rows = pa.Table.from_pylist([record(9, (0, 3), arrived_at)], schema=ARRIVAL_SCHEMA)
    chain.lake.write_table(f"{ARRIVALS}/run=0000000002/rows/part-0.parquet", rows)
    (found,) = search(chain).by_id("T-9")
    assert found.outcome is Outcome.WAITING
    assert journey(chain.lake, found, None).waits_for


def test_an_alert_is_followed_to_its_messages(chain: Chain, arrived_at: datetime) -> None:
    now = datetime.now(UTC)
    for one in chain.outbox.due(now + timedelta(minutes=1)):
        claimed = chain.outbox.claim(one, now, 60)
        assert claimed is not None
        chain.outbox.delivered(claimed, now + timedelta(seconds=1), "vendor-1")
    labels = MemoryLabelStore()
    labels.put([LabelEvent("T-1", ACCOUNT, True, "ANALYST", now + timedelta(seconds=5))])
    raised = chain.alerts.get(alert_id_for("T-1"))
    assert raised is not None
    chain.world.alerts.put([raised])
    chain.world.casework.act(raised.alert_id, Deed(Action.CONFIRM_FRAUD, "anna", now + timedelta(seconds=4)))
    found, duplicate = search(chain).by_id("T-1")
    way = journey(chain.lake, found, stores(chain, labels))
    told = happened(way)
    for step in (
        ("broker", "arrived"), ("processing", "taken up"), ("processing", "accepted"), ("scoring", "taken up"),
        ("scoring", "ALERT, HIGH"), ("scoring", "batch scored"), ("alerting", "alert, HIGH"), ("outbox", "PENDING"),
        ("alerting", "alerts of the batch raised"), ("loading", "loaded to Cassandra"), ("outbox", "DELIVERED"),
        ("case", "confirm_fraud"), ("labels", "labelled fraud"),
    ):  # fmt: skip
        assert step in told
    times = [step.at for step in way.steps]
    assert times == sorted(times)
    assert times[0] == arrived_at
    assert way.waits_for == ()
    document = way.document()
    assert document["steps"][0]["seconds"] is None
    assert sum(step["seconds"] or 0 for step in document["steps"]) == pytest.approx(
        (times[-1] - times[0]).total_seconds(), abs=1e-4
    )
    assert {step.run for step in way.steps if step.where is Where.LOADING} == {
        "process_transactions/asset_triggered__1"
    }
    text = json.dumps(document)
    for number in (ACCOUNT, MERCHANT, "C-77"):
        assert number not in text
    assert happened(journey(chain.lake, duplicate, stores(chain))) == [
        ("broker", "arrived"),
        ("processing", "taken up"),
        ("processing", "duplicate, left out"),
    ]


def test_what_is_missing_is_said(chain: Chain, arrived_at: datetime) -> None:
    found = search(chain).by_id("T-1")[0]
    waiting = journey(chain.lake, found, stores(chain)).waits_for
    assert waiting
    assert all(one.startswith("delivery: ") and "PENDING" in one for one in waiting)
    chain.accept(record(9, (0, 3), arrived_at))
    (new,) = search(chain).by_id("T-9")
    assert journey(chain.lake, new, stores(chain)).waits_for == ("scoring",)
    chain.score()
    assert journey(chain.lake, new, stores(chain)).waits_for == ("raising alerts", "loading to Cassandra")


def test_deliveries_in_every_state_hide_the_customer(chain: Chain) -> None:
    found = search(chain).by_id("T-1")[0]
    raised = dataclasses.replace(alert(1), alert_id=alert_id_for("T-1"))
    chain.outbox._rows.clear()
    digest = uuid.uuid4()
    for state, changes in (
        (DeliveryState.DEAD, {"last_error": "550 <jane.doe@example.com>: no such user", "attempts": 3}),
        (DeliveryState.DIGESTED, {"digest_id": digest}),
        (DeliveryState.SENDING, {"attempts": 1}),
    ):
        one = delivery(raised, recipient="jane.doe@example.com", audience=CUSTOMER, state=state, **changes)
        one = dataclasses.replace(one, delivery_id=uuid.uuid4())
        chain.outbox._rows[one.delivery_id] = one
    way = journey(chain.lake, found, stores(chain))
    assert len(way.waits_for) == 3
    text = " ".join([*way.waits_for, json.dumps(way.document())])
    assert "jane.doe" not in text
    assert "DEAD after 3 attempts" in text
    assert str(digest) in text


def test_work_done_again_keeps_its_first_time_and_says_so(chain: Chain) -> None:
    found = search(chain).by_id("T-1")[0]

    def scored(way: Journey) -> list[tuple[datetime, str]]:
        return [(step.at, step.detail) for step in way.steps if step.what == "batch scored"]

    ((at, detail),) = scored(journey(chain.lake, found, None))
    chain.score(range(1), alerts=("T-1",), reviews=("T-2",))
    ((again_at, again_detail),) = scored(journey(chain.lake, found, None))
    assert again_at == at
    assert detail in again_detail
    assert "done again at" in again_detail


def test_a_dead_letter_tells_what_became_of_it(chain: Chain, arrived_at: datetime) -> None:
    found = search(chain).by_place(Place(1, 0))
    assert found is not None
    letter = DeadLetter(
        Place(0, 4), arrived_at + timedelta(seconds=5), b"k", b"{}", (REASON_AMOUNT,), TOPICS.transactions,
        Place(1, 0), arrived_at, 0,
    )  # fmt: skip
    again = Resent(
        Place(0, 4),
        uuid.uuid4(),
        "T-3",
        b"{}",
        "anna",
        datetime.now(UTC) + timedelta(hours=1),
        ResentState.SENT,
    )
    way = journey(chain.lake, found, stores(chain), [(letter, again)])
    assert happened(way)[-2:] == [("processing", "refused"), ("dead letters", "sent again")]
    assert ("dead letters", "dead-lettered") in happened(way)
    assert any(REASON_MALFORMED in step.detail for step in way.steps)


@pytest.fixture
def at_the_chain(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """The command looks at the chain's lake."""
    monkeypatch.setenv("TIDEWATCH_LAKE_URI", chain.lake.uri)
    settings.cache_clear()
    return chain


@pytest.fixture(autouse=True)
def _settings_anew() -> object:
    yield
    settings.cache_clear()


def test_the_command_shows_a_table_or_json(at_the_chain: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    assert trace.main(["T-1", "--lake-only"]) == 0
    shown = capsys.readouterr().out
    assert "transactions 0:0: accepted" in shown
    assert "transactions 1:1: duplicate" in shown
    assert trace.main(["T-1", "--lake-only", "--json"]) == 0
    ways = json.loads(capsys.readouterr().out)
    assert [way["outcome"] for way in ways] == ["accepted", "duplicate"]
    assert len(ways[0]["trace_id"]) == 32
    assert trace.main(["--offset", "1:0", "--lake-only"]) == 0
    shown = capsys.readouterr().out
    assert "transactions 1:0: dead-lettered" in shown
    assert "refused" in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "check the id"),
        (["--offset", "0:99"], "no batch has read that place"),
        (["--offset", "nonsense"], "partition:offset"),
    ],
)
def test_what_nobody_knows_is_refused_in_words(
    at_the_chain: Chain, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert trace.main([*arguments, "--lake-only"]) == 1
    assert words in capsys.readouterr().out


def test_servers_that_are_away_are_told_and_the_lake_still_answers(
    at_the_chain: Chain, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.stores.cassandra.errors import StoreUnavailable

    def away(options: object) -> object:
        raise StoreUnavailable("Cassandra is away")

    monkeypatch.setattr(trace, "cassandra", away)
    assert trace.main(["T-1"]) == 0
    assert "Cassandra is not asked" in capsys.readouterr().out


def test_ids_of_others_cannot_paint_the_terminal(chain: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    found = Found("t", Place(0, 0), Outcome.DEAD_LETTERED, "\x1b[31mred[bold]", 0)
    trace.show(journey(chain.lake, found, None), None, Console())
    assert "\x1b" not in capsys.readouterr().out
