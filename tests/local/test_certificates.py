"""The installation's authority, and what it signs."""

from __future__ import annotations

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.local.certificates import RENEW_BEFORE, SERVERS, VALID, Certificates


def _greet(certificates: Certificates, server: str, client: ssl.SSLContext, name: str) -> dict[str, object]:
    """Shake hands with a server of ours, and return what it showed."""
    files = certificates.of(server)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(files.both)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            plain, _ = listening.accept()
            try:
                serving.wrap_socket(plain, server_side=True).close()
            except (ssl.SSLError, ConnectionError):  # the client hung up: its own error is what counts
                plain.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            with (
                socket.create_connection(listening.getsockname(), timeout=10) as plain,
                client.wrap_socket(plain, server_hostname=name) as encrypted,
            ):
                return dict(encrypted.getpeercert() or {})
        finally:
            thread.join(10)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    made = Certificates(tmp_path)
    assert made.ensure()
    return made


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_whoever_trusts_the_authority_trusts_its_servers(
    certificates: Certificates, server: str, name: str
) -> None:
    shown = _greet(certificates, server, ssl.create_default_context(cafile=certificates.authority), name)
    assert shown["subject"] == ((("commonName", server),),)


def test_another_host_and_another_authority_are_not_believed(
    certificates: Certificates, tmp_path: Path
) -> None:
    ours = ssl.create_default_context(cafile=certificates.authority)
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        _greet(certificates, "kafka", ours, "bank.example")
    other = Certificates(tmp_path / "other")
    other.ensure()
    with pytest.raises(ssl.SSLCertVerificationError):
        _greet(certificates, "kafka", ssl.create_default_context(cafile=other.authority), "127.0.0.1")


def test_keys_are_for_their_owner_and_the_authoritys_is_nowhere(certificates: Certificates) -> None:
    files = sorted(certificates.folder.iterdir())
    secret = {path for path in files if b"PRIVATE KEY" in path.read_bytes()}
    assert secret == {
        path for server in SERVERS for path in (certificates.of(server).key, certificates.of(server).both)
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert stat.S_IMODE(certificates.folder.stat().st_mode) == 0o700


def test_they_are_kept_until_they_end_or_are_deleted(certificates: Certificates) -> None:
    before = certificates.authority.read_bytes()
    now = datetime.now(UTC)
    assert not certificates.ensure(now)
    assert certificates.authority.read_bytes() == before
    assert certificates.ensure(now + VALID - RENEW_BEFORE)
    renewed = certificates.authority.read_bytes()
    assert renewed != before
    certificates.of("kafka").key.unlink()
    assert certificates.ensure(now)
    assert certificates.authority.read_bytes() != renewed
