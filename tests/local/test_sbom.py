"""The bill of materials: everything that is locked and installed, every jar, in a form others can read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from include.local.sbom import bill, document, locked
from include.settings import PROJECT, settings

LOCK = (PROJECT / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def text() -> str:
    return document(bill(settings().jars_dir, LOCK))


def test_every_package_of_the_lock_has_a_hash():
    packages = list(locked(LOCK))
    assert len(packages) > 200
    assert [one.name for one in packages if not one.hashes] == []


def test_has_packages_and_jars_with_their_addresses(text: str):
    components = json.loads(text)["components"]
    purls = {one.get("purl", "") for one in components}
    assert any(purl.startswith("pkg:pypi/apache-airflow@") for purl in purls)
    assert any(purl.startswith("pkg:maven/org.apache.cassandra/cassandra-all@5.0.8") for purl in purls)
    assert any(purl.startswith("pkg:maven/org.apache.kafka/kafka_2.13@4.3.0") for purl in purls)
    jars = [one for one in components if one["bom-ref"].startswith("jar:")]
    assert all(one["hashes"][0]["alg"] == "SHA-256" for one in jars)
    files = [*settings().jars_dir.rglob("*.jar")]
    assert len(jars) >= len(files) > 100
    licensed = [one for one in components if one["bom-ref"].startswith("pypi:") and one.get("licenses")]
    assert len(licensed) > 200


def test_names_no_path_of_this_machine(text: str):
    assert str(PROJECT) not in text
    assert str(Path.home()) + "/" not in text


def test_keeps_to_the_schema(text: str):
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_jars_that_are_not_there_are_asked_for(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="make setup"):
        bill(tmp_path, LOCK)
