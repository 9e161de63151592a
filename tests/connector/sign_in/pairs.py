"""Certificates and keys made for a test."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)


def key(number: int = 0) -> rsa.RSAPrivateKey:
    """One of a few keys."""
    return _made(number)


@cache
def _made(number: int) -> rsa.RSAPrivateKey:
    """Once each: making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(number: int = 0, *, days: int = 30, name: str = "psa") -> x509.Certificate:
    """A certificate of that key, which ends in so many days."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    ends = datetime.now(UTC) + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key(number).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=90))
        .not_valid_after(ends)
        .sign(key(number), hashes.SHA256())
    )


def closed_by(password: str | None) -> KeySerializationEncryption:
    return NoEncryption() if password is None else BestAvailableEncryption(password.encode())


def pem_of_key(password: str | None = None, number: int = 0) -> bytes:
    return key(number).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, closed_by(password))


def pem(*certificates: x509.Certificate, password: str | None = None, key_first: bool = True) -> bytes:
    """A PEM file with the first key and these certificates."""
    shown = b"".join(one.public_bytes(Encoding.PEM) for one in certificates)
    return pem_of_key(password) + shown if key_first else shown + pem_of_key(password)


def pfx(one: x509.Certificate | None, password: str | None = None, *others: x509.Certificate) -> bytes:
    """A PFX file with the first key."""
    return pkcs12.serialize_key_and_certificates(b"psa", key(), one, others or None, closed_by(password))
