"""The lake on a server that speaks S3: its own promises, two batches of Spark's through it, outages and refusals."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from include.local import stack
from include.local.jars import bundles, fetch
from include.pipeline.models import model_registry
from include.settings import HOST, PROJECT, Settings, settings
from include.stores.lake import s3 as client
from include.stores.lake.files import Lake
from include.stores.lake.names import ARRIVALS, MODELS
from include.transactions.topics import ensure_topics, topic_specs
from tests.conftest import KafkaServer, own_stack
from tests.stopping import stopped
from tests.stores.lake import promises
from tests.stores.lake.s3_server import S3, running_s3, standing_between

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

#: What is asked of a lake; none of it may be answered if S3 has not answered.
QUESTIONS: dict[str, Callable[[Lake], Any]] = {
    "read_json": lambda lake: lake.read_json("cursors/one.json"),
    "names": lambda lake: lake.names("cursors"),
    "exists": lambda lake: lake.exists("cursors/one.json"),
    "modified_at": lambda lake: lake.modified_at("cursors/one.json"),
    "written_before": lambda lake: lake.written_before("cursors", datetime.now(UTC)),
    "write_bytes": lambda lake: lake.write_bytes("cursors/one.json", b"{}"),
    "create_bytes": lambda lake: lake.create_bytes("cursors/two.json", b"{}"),
    "delete_file": lambda lake: lake.delete_file("cursors/one.json"),
    "delete_folder": lambda lake: lake.delete_folder("cursors"),
}


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with running_s3(Path(tmp_path_factory.mktemp("s3")), settings().jars_dir) as running:
        yield running


@pytest.fixture
def address(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The variables that lead to the server, to be changed by a test."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def lake(s3: S3, address: pytest.MonkeyPatch) -> Lake:
    return Lake(s3.uri(f"lake-{uuid.uuid4().hex}"))


@pytest.fixture(scope="module")
def stack_on_s3(s3: S3) -> Iterator[Settings]:
    """Kafka and a Spark that knows S3, of their own."""
    with pytest.MonkeyPatch.context() as address:
        for name, value in s3.environment.items():
            address.setenv(name, value)
        with own_stack(
            PROJECT / ".local" / "test-stack-s3",
            LAKE_URI=s3.uri("lake"), MEMORY__KAFKA="256", MEMORY__SPARK="768",
        ) as now:  # fmt: skip
            fetch(now.jars_dir, bundles(now.lake))
            stack.up(now, only=("kafka", "spark"))
            yield now


@contextmanager
def spark_session(now: Settings) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    from include.spark.session import prepare

    session = SparkSession.builder.remote(f"sc://{HOST}:{now.ports.spark_connect}/;user_id=tests").create()
    try:
        prepare(session)
        yield session
    finally:
        session.stop()


def test_a_file_is_replaced_whole(lake: Lake, s3: S3) -> None:
    promises.replaces_a_file_whole(lake)
    assert lake.names("") == ["cursors"]
    found = s3.client().list_objects_v2(Bucket=s3.bucket, Prefix=lake.uri.rpartition("/")[2])["Contents"]
    assert [one["Key"].partition("/")[2] for one in found] == ["cursors/one.json"]  # and nothing beside it


def test_only_the_first_writes_what_may_not_be_replaced(lake: Lake) -> None:
    lake.create_bytes("owner", b"first")
    with pytest.raises(FileExistsError):
        lake.create_bytes("owner", b"second")
    assert lake.read_bytes("owner") == b"first"
    assert lake.names("") == ["owner"]


def test_one_of_many_writers_at_once_is_the_first(lake: Lake) -> None:
    lakes, together = [Lake(lake.uri) for _ in range(6)], Barrier(6, timeout=60)

    def create(number: int, path: str) -> int | None:
        together.wait()
        with suppress(FileExistsError):
            lakes[number].create_bytes(path, str(number).encode())
            return number
        return None

    with ThreadPoolExecutor(6) as writers:
        for path in (f"owners/{turn}" for turn in range(10)):
            ends = [writers.submit(create, number, path) for number in range(6)]
            first = [number for end in ends if (number := end.result(60)) is not None]
            assert len(first) == 1
            assert lake.read_bytes(path) == str(first[0]).encode()


def test_whose_answer_was_lost_is_the_first_all_the_same(
    lake: Lake, s3: S3, address: pytest.MonkeyPatch
) -> None:
    with standing_between(s3) as between:
        address.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{between.port}")
        away = Lake(lake.uri)
        between.next_writes += ["lose"]
        away.create_bytes("owner", b"first")
        assert between.next_writes == []
        with pytest.raises(FileExistsError):
            away.create_bytes("owner", b"second")
    assert lake.read_bytes("owner") == b"first"


def test_a_conflict_is_asked_again_and_not_for_ever(lake: Lake, s3: S3, address: pytest.MonkeyPatch) -> None:
    with standing_between(s3) as between:
        address.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{between.port}")
        away = Lake(lake.uri)
        between.next_writes += ["conflict"] * 2
        away.create_bytes("one", b"one")
        between.next_writes += ["conflict"] * 10
        with pytest.raises(OSError, match="ConditionalRequestConflict"):
            away.create_bytes("two", b"two")
    assert lake.names("") == ["one"]


def test_tables_times_and_deleting(lake: Lake) -> None:
    promises.keeps_tables_and_times_and_deletes(lake)


def test_a_file_is_not_older_than_the_moment_before_it_was_written(lake: Lake) -> None:
    """S3's times have whole seconds: a file of 12:00:00.9 has 12:00:00."""
    for number in range(5):
        before = datetime.now(UTC)
        lake.write_bytes(f"notes/{number}", b"new")
        assert f"notes/{number}" in lake.written_since("notes", before)
        assert f"notes/{number}" not in lake.written_before("notes", before)
        time.sleep(0.23)


def test_models_are_there_too(lake: Lake) -> None:
    registry = model_registry(lake)
    assert registry.versions() == ()
    lake.write_bytes(f"{MODELS}/versions/one/manifest.json", b"{}")
    lake.write_bytes(f"{MODELS}/versions/two/policy.json", b"{}")  # its manifest is still to come
    assert registry.versions() == ("one",)


def test_what_is_large_is_there_whole(lake: Lake) -> None:
    content = bytes(range(256)) * (48 * 4096)
    lake.write_bytes("large", content)
    assert lake.read_bytes("large") == content


def test_batches_go_through_spark(
    stack_on_s3: Settings, lake: Lake, s3: S3, address: pytest.MonkeyPatch
) -> None:
    """Arrivals, checkpoint and accepted rows, all of them on S3."""
    kafka = KafkaServer(stack_on_s3.brokers)
    mark = uuid.uuid4().hex[:8]
    names = {name: f"{name}.{mark}" for name in ("transactions", "dead_letter", "labels")}
    ensure_topics(kafka.bootstrap, topic_specs(**names, partitions=3))
    now = stack_on_s3.model_copy(update={"topics": stack_on_s3.topics.model_copy(update=names)})
    with spark_session(now) as spark:
        promises.takes_two_batches(lake, spark, kafka, now)
        rows = f"{ARRIVALS}/{lake.names(ARRIVALS)[0]}/rows"
        assert spark.read.parquet(lake.url(rows)).count() == 50
    root = lake.uri.rpartition("/")[2]
    keys = [one["Key"] for one in s3.client().list_objects_v2(Bucket=s3.bucket, Prefix=root)["Contents"]]
    assert any("/checkpoint/commits/0" in key for key in keys)
    assert [key for key in keys if key.endswith((".tmp", ".crc"))] == []  # nothing was renamed
    assert s3.client().list_multipart_uploads(Bucket=s3.bucket).get("Uploads", []) == []


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_an_outage_is_no_missing_file(
    lake: Lake, s3: S3, address: pytest.MonkeyPatch, ask: Callable[[Lake], Any]
) -> None:
    lake.write_json("cursors/one.json", {"number": 1})
    address.setattr(client, "_SILENT_SECONDS", 1.0)
    address.setattr(client, "_TRIES", 2)
    away = Lake(lake.uri)
    with stopped(s3.process.pid), pytest.raises(OSError, match=r"[Tt]imed? ?out"):
        ask(away)


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_who_is_refused_is_not_told_that_nothing_is_there(
    lake: Lake, address: pytest.MonkeyPatch, ask: Callable[[Lake], Any], name: str
) -> None:
    lake.write_json("cursors/one.json", {"number": 1})
    with address.context() as other:  # pyarrow looks at them again at every request
        other.setenv(name, "not-the-one")
        with pytest.raises(
            OSError, match=r"ACCESS_DENIED|SIGNATURE_DOES|INVALID_ACCESS_KEY|expected S3 to let"
        ):
            ask(Lake(lake.uri))
    assert lake.read_json("cursors/one.json") == {"number": 1}
    assert lake.names("cursors") == ["one.json"]


def test_a_server_that_is_away_is_told(lake: Lake, address: pytest.MonkeyPatch) -> None:
    address.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")  # nobody listens there
    away = Lake(lake.uri)
    with pytest.raises(OSError, match="connect"):
        away.read_json("cursors/one.json")
    with pytest.raises(OSError, match="expected an answer of S3"):
        away.create_bytes("owner", b"first")


def test_a_write_that_fails_takes_away_nothing(lake: Lake, s3: S3, address: pytest.MonkeyPatch) -> None:
    lake.write_json("cursors/one.json", {"number": 1})
    address.setattr(client, "_TRIES", 1)
    with standing_between(s3) as between:
        address.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{between.port}")
        between.next_writes += ["conflict"]
        with pytest.raises(OSError, match="expected S3 to do put_object"):
            Lake(lake.uri).write_json("cursors/one.json", {"number": 2})
    assert lake.read_json("cursors/one.json") == {"number": 1}


@pytest.mark.parametrize(
    "uri",
    [
        "s3://key:secret@bank/lake",
        "s3://bank/lake?endpoint_override=127.0.0.1:9",
        "s3://bank:9000/lake",
        "s3:///lake",
    ],
)
def test_what_spark_would_not_see_is_not_in_the_uri(uri: str) -> None:
    with pytest.raises(ValueError, match="AWS_ENDPOINT_URL_S3") as refused:
        Lake(uri)
    assert "secret@" not in str(refused.value)


def test_spark_is_told_where_it_is(address: pytest.MonkeyPatch) -> None:
    assert Lake("s3://bank/lake").url("a/b") == "s3a://bank/lake/a/b"
