"""Who a client of Cassandra is, and where that must not show."""

from __future__ import annotations

import pickle

import pytest

from include.stores.cassandra.address import CassandraAddress, address_of_environment


def test_a_password_travels_and_is_never_shown() -> None:
    address = CassandraAddress(("a", "b"), 9042, "tidewatch", "desk", "secret", ca_file="/ca.pem")
    assert "secret" not in repr(address)
    assert "secret" not in f"{address}"
    assert pickle.loads(pickle.dumps(address)) == address  # noqa: S301 - our own


def test_a_command_takes_its_login_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "PASSWORD", "CA_FILE"):
        monkeypatch.delenv(f"TIDEWATCH_CASSANDRA_{name}", raising=False)
    assert address_of_environment(["a"], 9042, "k") == CassandraAddress(("a",), 9042, "k")
    for name, value in {"USERNAME": "reader", "PASSWORD": "secret", "CA_FILE": "/ca.pem"}.items():
        monkeypatch.setenv(f"TIDEWATCH_CASSANDRA_{name}", value)
    assert address_of_environment(["a"], 9042, "k") == CassandraAddress(
        ("a",), 9042, "k", "reader", "secret", ca_file="/ca.pem"
    )
