"""The check that ``initialize_stores`` makes: on a Spark that works, and on one whose plan proves nothing."""

from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import functions as F  # noqa: N812 - its usual name

from include.settings import Settings
from include.spark import stream_query
from include.spark.check import check_streaming
from include.spark.parsing import parse
from include.stores.lake.files import Lake
from tests.conftest import KafkaServer

pytestmark = pytest.mark.servers


def test_a_sound_and_a_broken_record_come_back(
    spark: Any, kafka: KafkaServer, lake: Lake, stack_settings: Settings
) -> None:
    config = {"bootstrap.servers": kafka.bootstrap}
    assert check_streaming(spark, config, lake, stack_settings) == {"sound": 1, "broken": 1}
    assert lake.names("checks") == []


def test_a_plan_that_proves_nothing_is_told(
    spark: Any, kafka: KafkaServer, lake: Lake, stack_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(records: Any, retention: Any) -> Any:
        undecided = {"errors": F.lit(None).cast("array<string>"), "raw_key": F.lit(b"check")}
        return parse(records, retention).withColumns(undecided)

    monkeypatch.setattr(stream_query, "parse", nothing)
    with pytest.raises(RuntimeError, match="expected one sound and one broken record"):
        check_streaming(spark, {"bootstrap.servers": kafka.bootstrap}, lake, stack_settings)
