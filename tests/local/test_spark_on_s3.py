"""What Spark is told of a lake on S3."""

from __future__ import annotations

from pathlib import Path

from include.local.jars import bundles
from include.local.services.s3 import s3_configuration

SECRETS = {
    "AWS_ACCESS_KEY_ID": "who",
    "AWS_SECRET_ACCESS_KEY": "nobody-knows",
    "AWS_SESSION_TOKEN": "for-an-hour",
}
S3A = "spark.hadoop.fs.s3a"


def test_a_store_of_ones_own_is_named() -> None:
    variables = {
        "AWS_ENDPOINT_URL_S3": "https://s3.bank.example/",
        "AWS_ENDPOINT_URL": "https://other.example",
    }
    told = s3_configuration(variables, Path("/work"))
    assert told[f"{S3A}.endpoint"] == "https://s3.bank.example"
    assert told[f"{S3A}.path.style.access"] == "true"
    assert told[f"{S3A}.endpoint.region"] == "us-east-1"


def test_amazons_own_is_found_by_its_region() -> None:
    told = s3_configuration({"AWS_REGION": "eu-central-1"}, Path("/work"))
    assert told[f"{S3A}.endpoint.region"] == "eu-central-1"
    assert f"{S3A}.endpoint" not in told
    assert f"{S3A}.path.style.access" not in told


def test_what_is_secret_is_not_written_down() -> None:
    told = " ".join(s3_configuration(SECRETS, Path("/work")).values())
    assert [secret for secret in SECRETS.values() if secret in told] == []


def test_jars_for_s3_are_for_a_lake_there() -> None:
    assert "aws-sdk" in {bundle.name for bundle in bundles("s3://bank/lake")}
    assert "aws-sdk" not in {bundle.name for bundle in bundles("file:///data/lake")}
    assert "aws-sdk" not in {bundle.name for bundle in bundles()}
