"""Certificates for a bridge on loopback, made for the test and trusted by its clients alone."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
# What strict clients, such as Python 3.13, want to see of one who signs others.
KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def pem_of(key: Any, passphrase: bytes = b"") -> bytes:
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


class Certificate:
    """A pair in `folder`, signed by itself or by `issuer`: what a bridge is given, and what its clients trust.
    `days`: from when to when it is valid, counted from today."""

    def __init__(
        self,
        folder: Path,
        name: str = "bridge",
        *,
        key: Any = None,
        days: tuple[int, int] = (-1, 30),
        issuer: Certificate | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.cert_file = folder / f"{name}.cert.pem"
        self.key_file = folder / f"{name}.key.pem"
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        signer = issuer.key if issuer else self.key
        now = datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.made.subject if issuer else subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days[0]))
            .not_valid_after(now + datetime.timedelta(days[1]))
            .add_extension(x509.SubjectAlternativeName(NAMES), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(KEY_USAGE, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        self.cert_file.write_bytes(self.pem)
        self.key_file.write_bytes(pem_of(self.key))

    @property
    def pem(self) -> bytes:
        return self.made.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """As a client sees it: `socket.getpeercert(binary_form=True)`."""
        return self.made.public_bytes(serialization.Encoding.DER)

    @property
    def not_after(self) -> int:
        """Its end, Unix time."""
        return int(self.made.not_valid_after_utc.timestamp())

    @property
    def settings(self) -> dict[str, str]:
        return {"server.tls_cert": str(self.cert_file), "server.tls_key": str(self.key_file)}

    def context(self, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """A client that trusts this certificate alone, and speaks only `version` if one is given."""
        context = ssl.create_default_context(cadata=self.pem.decode())
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context
