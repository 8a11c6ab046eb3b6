"""Settings out of an environment full of nonsense: used, or refused with the variable's name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from include.local.__main__ import main
from include.settings import Settings, SettingsRefused, settings
from tests.fuzzing import fuzzed


def _names(model: type[BaseModel], above: str = "TIDEWATCH_") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield f"{above}{name.upper()}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _names(field.annotation, f"{above}{name.upper()}__")


NAMES = sorted(_names(Settings))
_NONSENSE = (
    "", " ", "-1", "0", "1e309", "nan", "inf", "-inf", "99999999999999999999", "0x10", "1_000", "\u0661", "true",
    "null",     "[]", "{}", '{"kafka": "x"}', '{"a": [', "x'; DROP KEYSPACE tidewatch; --", "=1+1", "../..", "\u202e", "http://",
    "\udcff", "a" * 300, "1,5", "1.5", "yes please", "file:x",
)  # fmt: skip
_texts = st.sampled_from(_NONSENSE) | st.text(
    st.characters(exclude_characters="\x00", codec="utf-8"), max_size=30
)


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in list(os.environ):
        if name.startswith("TIDEWATCH_"):
            monkeypatch.delenv(name)
    settings.cache_clear()
    yield monkeypatch
    settings.cache_clear()


def read(**variables: str) -> Settings:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables.items():
            environment.setenv(name, value)
        settings.cache_clear()
        return settings()


@fuzzed(200)
@given(variables=st.dictionaries(st.sampled_from(NAMES), _texts, min_size=1, max_size=3))
def test_nonsense_is_used_or_refused_by_name(variables: dict[str, str]) -> None:
    words = _refusal(variables)
    if words:
        assert any(name in words for name in variables), words
        assert "expected" in words or "should" in words
        assert "unset it" in words or "set TIDEWATCH_" in words


def _refusal(variables: dict[str, str]) -> str:
    """Why they are refused; empty if they are used."""
    try:
        now = read(**variables)
    except SettingsRefused as refused:
        return str(refused)
    finally:
        settings.cache_clear()
    assert 0 < now.ports.kafka < 65_536
    assert now.stream.retention.days > 0
    assert now.lake
    return ""


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TIDEWATCH_PORTS__KAFKA", "many", "TIDEWATCH_PORTS__KAFKA: input should be a valid integer"),
        (
            "TIDEWATCH_PORTS__KAFKA",
            "70000",
            "TIDEWATCH_PORTS__KAFKA: input should be less than 65536, got '70000'",
        ),
        ("TIDEWATCH_PORTS__KAFKA", "8080", "set TIDEWATCH_PORTS__KAFKA to a free one"),
        ("TIDEWATCH_STREAM__CADENCE_SECONDS", "nan", "TIDEWATCH_STREAM__CADENCE_SECONDS"),
        ("TIDEWATCH_STREAM__RETENTION_DAYS", "999999999", "TIDEWATCH_STREAM__RETENTION_DAYS"),
        ("TIDEWATCH_REPLICATION", "3", "TIDEWATCH_REPLICATION"),
        ("TIDEWATCH_REPLICATION", "{", "TIDEWATCH_REPLICATION: expected JSON"),
        ("TIDEWATCH_KEYSPACE", "x; DROP KEYSPACE y", "TIDEWATCH_KEYSPACE"),
        ("TIDEWATCH_LAKE_URI", "/data/lake", "TIDEWATCH_LAKE_URI: expected a URI, e.g. file:///data/lake"),
        ("TIDEWATCH_DESK_URL", "javascript:alert(1)", "TIDEWATCH_DESK_URL: expected an address"),
        ("TIDEWATCH_TOPICS__LABELS", "fraud labels", "TIDEWATCH_TOPICS__LABELS"),
    ],
)
def test_what_is_wrong_is_named(clean: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    clean.setenv(name, value)
    with pytest.raises(SettingsRefused) as refused:
        settings()
    assert said in str(refused.value)


def test_all_that_is_wrong_is_told_at_once(clean: pytest.MonkeyPatch) -> None:
    clean.setenv("TIDEWATCH_MEMORY__SPARK", "lots")
    clean.setenv("TIDEWATCH_TOPIC_PARTITIONS", "0")
    with pytest.raises(
        SettingsRefused, match=r"(?s)TOPIC_PARTITIONS.*MEMORY__SPARK|MEMORY__SPARK.*TOPIC_PARTITIONS"
    ):
        settings()


def test_the_command_line_tells_it_without_a_traceback(
    clean: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clean.setenv("TIDEWATCH_PORTS__KAFKA", "many")
    assert main(["status"]) == 1
    assert capsys.readouterr().err.startswith("TIDEWATCH_PORTS__KAFKA: ")


def test_a_broken_file_of_settings_is_named(clean: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"TIDEWATCH_KEYSPACE=\xff\xfe")
    clean.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    with pytest.raises(SettingsRefused, match=r"expected UTF-8 text"):
        settings()
