"""Probes: a server that answers, one that is gone, one that hangs with its port open, one that is something else."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from include.local.airflow_environment import address, airflow_environment
from include.local.airflow_settings import embedded, read
from include.local.certificates import Certificates, ServerFiles
from include.local.supervision import Supervision
from include.orchestration import probes
from include.orchestration.flow_watch import find_addresses
from include.settings import HOST, Ports, Profile, Settings
from tests.connections import set_connection
from tests.stopping import stopped


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "SECONDS", 1.0)


@contextmanager
def listening(greeting: bytes | None) -> Iterator[int]:
    """A port that greets once; with None it takes connections, as a stopped process's does, and says nothing."""
    with socket.create_server((HOST, 0)) as server:
        if greeting is not None:

            def greet() -> None:
                link, _ = server.accept()
                with link, suppress(ConnectionResetError):
                    link.sendall(greeting)
                    link.recv(100)

            threading.Thread(target=greet, daemon=True).start()
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


def test_a_greeting_is_an_answer() -> None:
    with listening(b"220 mail.example\r\n") as port:
        assert probes.smtp(HOST, port) is None


@pytest.mark.parametrize(
    "ask", [probes.smtp, probes.spark, lambda host, port: probes.cassandra(((host, port),))]
)
def test_gone_and_hanging_servers_do_not_answer(ask: Any) -> None:
    assert "refused" in ask(HOST, closed_port()).lower()
    with listening(None) as port:
        assert "no word within 1 s" in ask(HOST, port)


def test_something_else_on_the_port_is_told() -> None:
    with listening(b"HTTP/1.1 400") as port:
        assert "expected b'220', got b'HTT'" in (probes.smtp(HOST, port) or "")


def test_a_server_that_wants_tls_answers_too(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    write_certificate(key, certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            for _ in range(2):
                link, _ = server.accept()
                with link, suppress(OSError):
                    context.wrap_socket(link, server_side=True).close()

        threading.Thread(target=serve, daemon=True).start()
        assert probes.cassandra(((HOST, server.getsockname()[1]),)) is None


def write_certificate(key: Path, certificate: Path) -> None:
    """A key and a certificate that it signs itself."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, secret.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    key.write_bytes(secret.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))


def test_one_node_of_a_cluster_is_enough() -> None:
    with listening(b"\x84\x00\x00\x00\x06\0\0\0\0") as port:
        assert probes.cassandra(((HOST, closed_port()), (HOST, port))) is None


@contextmanager
def health_page(health: dict[str, Any], files: ServerFiles | None = None, port: int = 0) -> Iterator[int]:
    """Airflow's health page; with a server's files over TLS."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(health).encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(HTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that trusts nobody hangs up: say nothing."""

    with Server((HOST, port), Page) as server:
        if files is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(files.certificate, files.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_airflow_tells_of_its_components() -> None:
    health = {
        "metadatabase": {"status": "healthy"},
        "scheduler": {"status": "unhealthy", "latest_scheduler_heartbeat": "2026-01-01T00:00:00"},
        "triggerer": {"status": "healthy", "latest_triggerer_heartbeat": "2026-01-01T00:00:00"},
        "dag_processor": {"status": None},
    }

    with health_page(health) as port:
        found = probes.airflow(f"http://{HOST}:{port}")
    assert found == {
        "api_server": None,
        "metadatabase": None,
        "scheduler": "no sign of life since 2026-01-01T00:00:00",
        "triggerer": None,
    }
    assert list(probes.airflow(f"http://{HOST}:{closed_port()}")) == ["api_server"]


def test_airflow_behind_an_authority_of_its_own_is_asked_by_who_knows_it(tmp_path: Path) -> None:
    ours, other = (Certificates(tmp_path / name) for name in ("ours", "other"))
    ours.ensure()
    other.ensure()
    with health_page({"scheduler": {"status": "healthy"}}, ours.of("airflow")) as port:
        base = f"https://{HOST}:{port}"
        assert probes.airflow(base, [str(ours.authority)]) == {"api_server": None, "scheduler": None}
        for authorities in ([], [str(other.authority)]):
            (said,) = probes.airflow(base, authorities).values()
            assert "CERTIFICATE_VERIFY_FAILED" in (said or "")
        (said,) = probes.airflow(base, [str(tmp_path / "nothing.pem")]).values()
        assert "nothing.pem" in (said or "")


@pytest.mark.parametrize("profile", ["open", "secure"])
def test_observers_trust_whom_the_tasks_of_airflow_trust(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = closed_port()
    now = Settings(profile=profile, stack_dir=tmp_path, ports=Ports(airflow=port))
    Certificates(tmp_path).ensure()
    for name, value in airflow_environment(now).items():
        if name.startswith("AIRFLOW__API__"):
            monkeypatch.setenv(name, value)
    for connection in read().connections:
        if connection.conn_type in ("kafka", "cassandra", "spark_connect", "smtp"):
            set_connection(monkeypatch, **embedded(connection, now).model_dump())
    found = find_addresses()
    assert found.airflow == address(now)
    if profile == "open":
        assert found.authorities == ()
        return
    with health_page({"scheduler": {"status": "healthy"}}, Certificates(tmp_path).of("airflow"), port):
        said = probes.ask_all(found)
    assert said["api_server"] is None
    assert said["scheduler"] is None


@pytest.mark.servers
def test_real_servers_answer_and_a_stopped_one_does_not(servers: Settings) -> None:
    ports = servers.ports
    addresses = probes.Addresses(
        kafka={"bootstrap.servers": f"{HOST}:{ports.kafka}"},
        cassandra=((HOST, ports.cassandra),),
        spark=(HOST, ports.spark_connect),
        smtp=(HOST, ports.smtp),
    )
    probes.SECONDS = 4.0
    assert probes.ask_all(addresses) == dict.fromkeys(("kafka", "cassandra", "spark", "smtp"))
    probes.SECONDS = 1.0
    for name in ("kafka", "cassandra", "spark"):
        pid = Supervision(servers).states()[name]["pid"]
        with stopped(pid):
            away = {server: said for server, said in probes.ask_all(addresses).items() if said}
        assert list(away) == [name]
