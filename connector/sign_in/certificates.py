"""A certificate and its private key, out of a PEM or PFX file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from connector.errors import Misconfigured

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

CODE = "sign-in-certificate"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The key without a password, and the certificate that belongs to it; both PEM."""

    key: str = field(repr=False)
    certificate: str


def read_certificate(path: Path, password: str | None) -> KeyPair:
    """Read and check the file. Raises ``Misconfigured`` saying what is wrong with it, never what is in it."""
    # Imported here: cryptography is needed by who signs in with a certificate only.
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    try:
        content = path.read_bytes()
    except OSError as error:
        raise Misconfigured(CODE, f"The certificate {path} can't be read: {error.strerror}.") from error
    given = None if password is None else password.encode()
    try:
        key, certificates = _of_pem(content, given) if b"-----BEGIN" in content else _of_pfx(content, given)
    except (ValueError, TypeError) as error:
        # TypeError: a password is there and not needed, or needed and not there.
        raise Misconfigured(
            CODE, f"{path} does not open: it is no PEM or PFX file with a private key, or its password is another."
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise Misconfigured(CODE, f"The key in {path} is of another kind: Microsoft Entra takes only RSA keys.")
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(pem, spki)
    own = [one for one in certificates if one.public_key().public_bytes(pem, spki) == public]
    if not own:
        raise Misconfigured(CODE, f"{path} holds no certificate that belongs to its private key.")
    newest = max(own, key=lambda one: one.not_valid_after_utc)
    if newest.not_valid_after_utc <= datetime.now(UTC):
        raise Misconfigured(CODE, f"The certificate {path} expired on {newest.not_valid_after_utc:%Y-%m-%d}.")
    return KeyPair(key.private_bytes(pem, pkcs8, plain).decode(), newest.public_bytes(pem).decode())


def _of_pem(content: bytes, password: bytes | None) -> tuple[PrivateKeyTypes, list[Certificate]]:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    # Without a single one the library would not say more than that it found nothing.
    certificates = load_pem_x509_certificates(content) if b"BEGIN CERTIFICATE" in content else []
    return load_pem_private_key(content, password), certificates


def _of_pfx(content: bytes, password: bytes | None) -> tuple[PrivateKeyTypes, list[Certificate]]:
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    opened = load_pkcs12(content, password)
    if opened.key is None:
        raise ValueError("no private key")
    certificates = [opened.cert, *opened.additional_certs]
    return opened.key, [one.certificate for one in certificates if one is not None]
