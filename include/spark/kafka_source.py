"""One set of broker settings for both kinds of client: librdkafka's names in, those of Spark's Java client out.

Java's client takes a login as one JAAS line and certificates as one file or text; librdkafka (CONFIGURATION.md of that
project) has a setting for each. What has no counterpart and would change who is trusted is refused, never left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
#: Settings of security that mean the same to both.
_ALIKE = {
    "security.protocol",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.password",
}
_TRANSLATED = {
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.key.location",
    "ssl.key.pem",
}


def consumer_group(name: str, topic: str, options: Mapping[str, str]) -> str:
    """The group that the runs of a query read as: the same from run to run, another once the settings change.

    Spark keeps consumers from one run to the next by topic and group, and refuses one that was made with other
    settings; without a group of their own, new settings (a new password, say) would fail until Spark is restarted.
    Sixteen bits tell settings apart and give nobody who sees the name a way to try passwords.
    """
    told = "\n".join(f"{option}={options[option]}" for option in sorted(options))
    return f"{name}-{topic}-{hashlib.sha256(told.encode()).hexdigest()[:4]}"


def source_options(config: Mapping[str, Any]) -> dict[str, str]:
    """Options of Spark's Kafka source, with their ``kafka.`` prefix, for librdkafka's settings of the brokers.

    Parameters
    ----------
    config
        As ``include.transactions.offsets.broker_settings`` gives them. Files are named as the Spark executors see
        them, but for a client's certificate and key, which are read here, where the caller is.

    Raises
    ------
    ValueError
        A setting of security has no counterpart in the Java client, or half a login or certificate was given.
    OSError
        The client's certificate or key cannot be read.
    """
    known = _ALIKE | _TRANSLATED
    strange = [
        name
        for name in config
        if name not in known
        and (name.startswith(("sasl.", "ssl.")) or name == "enable.ssl.certificate.verification")
    ]
    if strange:
        raise ValueError(
            f"expected Kafka settings that Spark's client has, too, got {', '.join(sorted(strange))}; use "
            f"{', '.join(sorted(known))}"
        )
    options = {name: str(value) for name, value in config.items() if name not in _TRANSLATED}
    options |= _login(config) | _authorities(config) | _certificate(config)
    return {f"kafka.{name}": value for name, value in options.items()}


def _login(config: Mapping[str, Any]) -> dict[str, str]:
    mechanism = config.get("sasl.mechanism") or config.get("sasl.mechanisms")
    user, password = config.get("sasl.username"), config.get("sasl.password")
    if mechanism is None and user is None and password is None:
        return {}
    if mechanism not in _MODULES or user is None or password is None:
        raise ValueError(
            f"expected sasl.username, sasl.password and sasl.mechanism as one of {', '.join(_MODULES)}, got "
            f"{'a' if user else 'no'} user, {'a' if password else 'no'} password and {mechanism!r}"
        )
    line = f"{_MODULES[mechanism]} required username={_quoted(user)} password={_quoted(password)};"
    return {"sasl.mechanism": str(mechanism), "sasl.jaas.config": line}


def _quoted(text: str) -> str:
    """As a value in a JAAS line."""
    if any(ord(character) < 32 for character in text):
        raise ValueError("expected a user name and password without control characters, got one with some")
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


def _authorities(config: Mapping[str, Any]) -> dict[str, str]:
    if text := config.get("ssl.ca.pem"):
        return {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": str(text)}
    if path := config.get("ssl.ca.location"):
        return {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(path)}
    return {}


def _certificate(config: Mapping[str, Any]) -> dict[str, str]:
    certificate, key = (_text(config, f"ssl.{what}") for what in ("certificate", "key"))
    if certificate is None and key is None:
        return {}
    if certificate is None or key is None:
        raise ValueError(
            "expected ssl.certificate and ssl.key (.location or .pem), got one of them; set both"
        )
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": certificate,
        "ssl.keystore.key": key,
    }


def _text(config: Mapping[str, Any], name: str) -> str | None:
    if text := config.get(f"{name}.pem"):
        return str(text)
    path = config.get(f"{name}.location")
    return Path(path).read_text(encoding="ascii") if path else None
