"""The lake on a real HDFS: its own promises, a batch of Spark's through it, and an outage."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from include.detection.bundle import ModelBundle
from include.detection.registry import ModelRegistry
from include.pipeline.models import model_registry
from include.settings import Settings
from include.stores.lake import hdfs as client
from include.stores.lake.files import Lake
from include.stores.lake.names import MODELS
from tests.conftest import KafkaServer
from tests.detection.conftest import bundle, history, light
from tests.stopping import stopped
from tests.stores.lake import promises
from tests.stores.lake.hdfs_server import Hdfs, running_hdfs

__all__ = ["bundle", "history", "light"]

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def hdfs(tmp_path_factory: pytest.TempPathFactory, stack_settings: Settings) -> Iterator[Hdfs]:
    with running_hdfs(Path(tmp_path_factory.mktemp("hdfs")), stack_settings.jars_dir) as running:
        yield running


@pytest.fixture
def lake(hdfs: Hdfs) -> Lake:
    return Lake(hdfs.uri(f"lake-{uuid.uuid4().hex}"))


def test_a_file_is_replaced_whole(lake: Lake) -> None:
    promises.replaces_a_file_whole(lake)


def test_only_the_first_writes_what_may_not_be_replaced(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.create_bytes("owner", b"first")
    with pytest.raises(FileExistsError):
        lake.create_bytes("owner", b"second")
    monkeypatch.setattr(lake, "exists", lambda _: False)  # both have looked in the same moment
    with pytest.raises(FileExistsError):
        lake.create_bytes("owner", b"third")
    monkeypatch.undo()
    assert lake.read_bytes("owner") == b"first"
    assert lake.names("") == ["owner"]


def test_tables_times_and_deleting(lake: Lake) -> None:
    promises.keeps_tables_and_times_and_deletes(lake)


def test_a_batch_goes_through_spark(
    lake: Lake, spark: Any, kafka: KafkaServer, topics: dict[str, str], stack_settings: Settings
) -> None:
    names = stack_settings.topics.model_copy(update=dict(topics))
    promises.takes_two_batches(lake, spark, kafka, stack_settings.model_copy(update={"topics": names}))


def test_an_outage_is_no_missing_file(lake: Lake, hdfs: Hdfs, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write_json("cursors/one.json", {"number": 1})
    monkeypatch.setattr(client, "_TIMEOUT_SECONDS", 1.0)
    away = Lake(lake.uri)
    with stopped(hdfs.processes[0].pid):
        for ask in (
            lambda: away.read_json("cursors/one.json"),
            lambda: away.names("cursors"),
            lambda: away.exists("cursors/one.json"),
        ):
            with pytest.raises(OSError, match="timed out"):
                ask()
    assert lake.read_json("cursors/one.json") == {"number": 1}


@pytest.mark.parametrize("folder", ["cursors", ""])
def test_what_cannot_be_listed_is_not_empty(lake: Lake, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    lake.write_json("cursors/one.json", {"number": 1})
    whole = client.WebHDFS._call

    def lists_nothing(files: Any, op: str, *arguments: Any, **named: Any) -> Any:
        if op == "LISTSTATUS":
            raise requests.ReadTimeout("Read timed out")
        return whole(files, op, *arguments, **named)

    monkeypatch.setattr(client.WebHDFS, "_call", lists_nothing)
    for look in (lake.names, lambda path: lake.written_since(path, datetime(2020, 1, 1, tzinfo=UTC))):
        with pytest.raises(TimeoutError, match="timed out"):
            look(folder)
    assert lake.names("there is none") == []


def test_a_block_that_is_gone_is_no_content(lake: Lake, hdfs: Hdfs) -> None:
    lake.write_json("cursors/one.json", {"number": 1})
    blocks = [one for one in hdfs.folder.rglob("blk_*") if b"number" in one.read_bytes()]
    for block in blocks:
        block.unlink()
    assert blocks
    with pytest.raises(OSError, match="broken"):
        lake.read_json("cursors/one.json")


def test_a_data_nodes_refusal_is_no_content(lake: Lake) -> None:
    assert isinstance(lake._hdfs, client.HdfsFiles)
    refused = requests.Response()
    refused.status_code, refused.url = (
        403,
        "http://data:9864/webhdfs/v1/one?op=OPEN&namenoderpcaddress=names:8020",
    )
    refused.request = requests.Request("GET", refused.url).prepare()
    (hook,) = lake._hdfs.session.hooks["response"]
    with pytest.raises(OSError, match="403"):
        hook(refused)


def test_a_name_node_in_safe_mode_is_an_error_to_be_tried_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any, **__: Any) -> Any:
        raise RuntimeError("Cannot create file. Name node is in safe mode.")

    monkeypatch.setattr(client.WebHDFS, "_call", refuses)
    with pytest.raises(OSError, match="safe mode"):
        lake.write_json("cursors/one.json", {"number": 1})


def test_models_are_published_and_promoted(lake: Lake, light: ModelBundle) -> None:
    model_registry(lake).publish(light)
    assert model_registry(lake).versions() == (light.version,)
    registry = ModelRegistry(lake, MODELS)
    current = registry.current()
    assert registry.problems == ()
    assert current is not None
    assert current.version == light.version


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("file:///data/lake", "file:///data/lake/a/b"),
        ("s3://bucket/lake", "s3a://bucket/lake/a/b"),
        ("hdfs://bank@names:8020/lake?webhdfs=9871", "hdfs://names:8020/lake/a/b"),
    ],
)
def test_spark_is_told_where_it_is(uri: str, url: str) -> None:
    assert Lake(uri).url("a/b") == url
