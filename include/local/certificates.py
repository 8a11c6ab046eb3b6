"""The certificate authority of one installation, and what it has signed for the servers of the embedded stack.

The authority's own key is thrown away once every server has its certificate: nobody can sign another with it, and
there is nothing to steal. A new certificate therefore means a new authority and new ones for all; that is how they are
renewed, too: delete the folder, start again.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from include.settings import HOST

#: Servers, by the names their certificates bear.
SERVERS = ("kafka", "cassandra", "airflow", "mailbox")
VALID = timedelta(days=397)
#: Certificates that end sooner are made anew at the next start.
RENEW_BEFORE = timedelta(days=30)

_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """What a server shows of itself, in PEM.

    Attributes
    ----------
    certificate
        Its certificate, then the authority's.
    key
        Its private key (PKCS 8), for the owner's eyes only.
    both
        Key and certificates in one file, as Kafka and Cassandra want them; for the owner's eyes only.
    """

    certificate: Path
    key: Path
    both: Path


class Certificates:
    """Certificates of a stack, in the folder ``tls`` below it."""

    def __init__(self, stack_dir: Path) -> None:
        self.folder = stack_dir / "tls"

    @property
    def authority(self) -> Path:
        """Certificate of the authority: what clients trust."""
        return self.folder / "ca.pem"

    def of(self, server: str) -> ServerFiles:
        """Files of one of ``SERVERS``."""
        folder = self.folder
        return ServerFiles(folder / f"{server}.pem", folder / f"{server}.key", folder / f"{server}-both.pem")

    def ensure(self, now: datetime | None = None) -> bool:
        """Make them if one is missing or soon ends; returns whether it did.

        To be called by one process, before the servers start.
        """
        if self._are_good(now or datetime.now(UTC)):
            return False
        new = self.folder.with_name(f"tls.{os.getpid()}.tmp")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True, mode=0o700)
        _issue(new, now or datetime.now(UTC))
        shutil.rmtree(self.folder, ignore_errors=True)
        new.replace(self.folder)
        return True

    def _are_good(self, now: datetime) -> bool:
        needed = [self.authority]
        for server in SERVERS:
            files = self.of(server)
            needed += [files.certificate, files.key, files.both]
        if not all(path.is_file() for path in needed):
            return False
        ends = x509.load_pem_x509_certificate(self.authority.read_bytes()).not_valid_after_utc
        return ends - now > RENEW_BEFORE


def _issue(folder: Path, now: datetime) -> None:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Tidewatch installation")
    authority = (
        _builder(name, name, authority_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    authority_pem = authority.public_bytes(serialization.Encoding.PEM)
    _write(folder / "ca.pem", authority_pem, 0o644)
    files = Certificates(folder.parent)
    files.folder = folder
    for server in SERVERS:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_name(server), name, key.public_key(), now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            # A broker and a node are clients of their own kind as well.
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.IPAddress(ipaddress.ip_address(HOST)), x509.DNSName("localhost")]
                ),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        chain = certificate.public_bytes(serialization.Encoding.PEM) + authority_pem
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        made = files.of(server)
        _write(made.certificate, chain, 0o644)
        _write(made.key, secret, _PRIVATE)
        _write(made.both, secret + chain, _PRIVATE)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + VALID)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, mode), "wb") as file:
        file.write(content)
