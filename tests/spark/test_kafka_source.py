"""Settings of the brokers as Spark's Java client wants them."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.spark.kafka_source import consumer_group, source_options

SASL = {
    "bootstrap.servers": "broker:9093",
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "pipeline",
    "sasl.password": "secret",
}


def test_an_open_broker_needs_its_address_alone() -> None:
    assert source_options({"bootstrap.servers": "broker:9092", "security.protocol": "PLAINTEXT"}) == {
        "kafka.bootstrap.servers": "broker:9092",
        "kafka.security.protocol": "PLAINTEXT",
    }


def test_a_login_becomes_a_line_and_the_authorities_a_trust_store() -> None:
    assert source_options({**SASL, "ssl.ca.location": "/etc/kafka/ca.pem"}) == {
        "kafka.bootstrap.servers": "broker:9093",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "SCRAM-SHA-512",
        "kafka.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="pipeline" password="secret";',
        "kafka.ssl.truststore.type": "PEM",
        "kafka.ssl.truststore.location": "/etc/kafka/ca.pem",
    }


def test_librdkafkas_other_spelling_of_the_mechanism() -> None:
    config = {name: value for name, value in SASL.items() if name != "sasl.mechanism"}
    options = source_options({**config, "sasl.mechanisms": "PLAIN"})
    assert options["kafka.sasl.mechanism"] == "PLAIN"
    assert options["kafka.sasl.jaas.config"].startswith(
        "org.apache.kafka.common.security.plain.PlainLoginModule "
    )


def test_a_password_cannot_end_its_line() -> None:
    line = source_options({**SASL, "sasl.password": 'a"; other required\\'})["kafka.sasl.jaas.config"]
    assert line.endswith('password="a\\"; other required\\\\";')
    with pytest.raises(ValueError, match="control characters"):
        source_options({**SASL, "sasl.password": "a\nb"})


def test_a_clients_certificate_is_sent_as_text(tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_text("CERTIFICATE")
    options = source_options(
        {
            "bootstrap.servers": "broker:9093",
            "security.protocol": "SSL",
            "ssl.certificate.location": str(tmp_path / "client.pem"),
            "ssl.key.pem": "KEY",
            "ssl.ca.pem": "AUTHORITY",
        }
    )
    assert options["kafka.ssl.keystore.certificate.chain"] == "CERTIFICATE"
    assert options["kafka.ssl.keystore.key"] == "KEY"
    assert options["kafka.ssl.truststore.certificates"] == "AUTHORITY"
    assert options["kafka.ssl.keystore.type"] == options["kafka.ssl.truststore.type"] == "PEM"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"enable.ssl.certificate.verification": False}, "enable.ssl.certificate.verification"),
        ({"sasl.oauthbearer.config": "x"}, "sasl.oauthbearer.config"),
        ({"ssl.keystore.location": "x.p12"}, "ssl.keystore.location"),
        ({"sasl.password": None}, "no password"),
        ({"sasl.mechanism": "GSSAPI"}, "GSSAPI"),
        ({"ssl.certificate.pem": "CERTIFICATE"}, "set both"),
    ],
)
def test_what_the_java_client_cannot_do_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        source_options({**SASL, **change})
    assert "secret" not in str(refused.value)


def test_new_settings_are_read_by_a_group_of_their_own() -> None:
    before = source_options({"bootstrap.servers": "a:1"})
    group = consumer_group("q", "t", before)
    assert group == consumer_group("q", "t", dict(reversed(before.items())))
    assert group.startswith("q-t-")
    login = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "u",
        "sasl.password": "one",
    }
    groups = {
        consumer_group(
            "q", "t", source_options({"bootstrap.servers": "a:1", **login, "sasl.password": password})
        )
        for password in ("one", "two")
    }
    assert len(groups | {group}) == 3
