"""Does a server answer? Each is asked the least that its process has to answer itself, within a few seconds.

A stopped process (SIGSTOP, swapping, a full disk) still accepts connections, for the kernel does; so every probe
waits for a word of the server's own. None raises: it returns what went wrong, in words, or None.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

SECONDS = 4.0

_SMTPS = 465

#: Components in the answer of Airflow's health page.
_COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is: a value that stays usable when Airflow's connections cannot be looked up any more.

    Attributes
    ----------
    kafka
        librdkafka settings.
    airflow
        Base of Airflow's address; "" if there is none.
    authorities
        PEM files with the authorities that Airflow's certificate may be of, beside those this machine trusts.
    """

    kafka: Mapping[str, Any] = field(repr=False)
    cassandra: tuple[tuple[str, int], ...]
    spark: tuple[str, int]
    smtp: tuple[str, int] | None
    airflow: str = ""
    authorities: tuple[str, ...] = ()


def ask_all(addresses: Addresses) -> dict[str, str | None]:
    """What each server says, all asked at the same time: None if it answers, else what went wrong."""
    asked: dict[str, Callable[[], str | None]] = {
        "kafka": lambda: kafka(addresses.kafka),
        "cassandra": lambda: cassandra(addresses.cassandra),
        "spark": lambda: spark(*addresses.spark),
    }
    if addresses.smtp is not None:
        host, port = addresses.smtp
        asked["smtp"] = lambda: smtp(host, port)
    with ThreadPoolExecutor(len(asked) + 1, "probes") as pool:
        health = pool.submit(airflow, addresses.airflow, addresses.authorities) if addresses.airflow else None
        answers = {name: pool.submit(ask) for name, ask in asked.items()}
        found: dict[str, str | None] = {name: answer.result() for name, answer in answers.items()}
        return found | (health.result() if health else {})


def kafka(config: Mapping[str, Any]) -> str | None:
    """Ask the brokers who they are."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    quiet = {**config, "log_level": 0, "socket.timeout.ms": int(SECONDS * 1000)}
    try:
        brokers = AdminClient(quiet).list_topics(timeout=SECONDS).brokers
    except KafkaException as error:
        return f"{config.get('bootstrap.servers')}: {error.args[0]}"
    return None if brokers else f"{config.get('bootstrap.servers')}: no broker is there"


def cassandra(places: tuple[tuple[str, int], ...]) -> str | None:
    """Ask each node for its options (native protocol 4) until one answers; needs no login and no driver."""
    wrong = [
        said
        for host, port in places
        if (said := _answers(host, port, b"\x04\x00\x00\x00\x05\0\0\0\0", b"\x84"))
    ]
    return None if len(wrong) < len(places) else "; ".join(wrong) or "no contact point is set"


def smtp(host: str, port: int) -> str | None:
    """Wait for the greeting."""
    return _shakes_hands(host, port) if port == _SMTPS else _answers(host, port, b"", b"220")


def spark(host: str, port: int) -> str | None:
    """Wait for the HTTP/2 settings that a gRPC server greets with."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0"
    return _answers(host, port, preface, b"\0")


def airflow(base: str, authorities: Sequence[str] = ()) -> dict[str, str | None]:
    """Read Airflow's health page: the API server itself, and the components it has heard of.

    Parameters
    ----------
    authorities
        See ``Addresses``.
    """
    page = f"{base.rstrip('/')}/api/v2/monitor/health"
    try:
        context = _trusting(authorities) if page.startswith("https:") else None
        with urlopen(page, timeout=SECONDS, context=context) as answer:  # noqa: S310 (our own)
            health = json.load(answer)
    except HTTPError as error:
        return {"api_server": f"{base}: HTTP {error.code}"}
    except (OSError, URLError, ValueError) as error:
        return {"api_server": f"{base}: {error}"}
    found: dict[str, str | None] = {"api_server": None}
    for name in _COMPONENTS:
        part = health.get(name) or {}
        if (status := part.get("status")) is None:
            continue  # no such component has ever been
        last = part.get(f"latest_{name}_heartbeat")
        found[name] = None if status == "healthy" else f"no sign of life since {last}" if last else status
    return found


def _trusting(authorities: Sequence[str]) -> ssl.SSLContext:
    """Made anew for each look: observers live long, and files of certificates are renewed meanwhile."""
    context = ssl.create_default_context()
    for path in authorities:
        try:
            context.load_verify_locations(path)
        except OSError as error:
            raise OSError(
                f"expected certificates in {path}, got: {error}; see Airflow's section [api]"
            ) from error
    return context


def _answers(host: str, port: int, say: bytes, expected: bytes) -> str | None:
    """Connect, say something, and read the first bytes of the answer."""
    try:
        with socket.create_connection((host, port), SECONDS) as link:
            link.settimeout(SECONDS)
            if say:
                link.sendall(say)
            came = b""
            while len(came) < len(expected):
                piece = link.recv(len(expected) - len(came))
                if not piece:
                    break
                came += piece
    except TimeoutError:
        return f"{host}:{port}: no word within {SECONDS:.0f} s"
    except ConnectionResetError:
        came = b""
    except OSError as error:
        return f"{host}:{port}: {error.strerror or error}"
    if came.startswith(expected):
        return None
    # A server that wants TLS hangs up on whoever does not, or says so in a way of its own.
    if _shakes_hands(host, port) is None:
        return None
    return f"{host}:{port}: expected {expected!r}, got {came!r}"


def _shakes_hands(host: str, port: int) -> str | None:
    """Begin TLS. Nothing is sent over it, so whose certificate it is does not matter here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), SECONDS) as link,
            context.wrap_socket(link, server_hostname=host),
        ):
            return None
    except TimeoutError:
        return f"{host}:{port}: no word within {SECONDS:.0f} s"
    except OSError as error:
        return f"{host}:{port}: {error.strerror or error}"
