from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from connector.errors import Misconfigured
from connector.sign_in.application import Application, Certificate
from connector.sign_in.certificates import read_certificate
from connector.sign_in.tokens import Tokens
from tests.connector.sign_in.entra import HOST, RESOURCE, TENANT, TOKEN_URL, entra, fields, granted
from tests.connector.sign_in.pairs import certificate, key, pem, pem_of_key, pfx

OURS = certificate()
WRITTEN: list[tuple[str, Callable[[], bytes], str | None]] = [
    ("pem, key first", lambda: pem(OURS), None),
    ("pem, certificate first", lambda: pem(OURS, key_first=False), None),
    ("pem with a password", lambda: pem(OURS, password="p-value"), "p-value"),
    ("pem with a chain in another order", lambda: pem(certificate(1), OURS), None),
    ("pfx", lambda: pfx(OURS), None),
    ("pfx with a password and a chain", lambda: pfx(OURS, "p-value", certificate(1)), "p-value"),
]


@pytest.mark.parametrize(("content", "password"), [case[1:] for case in WRITTEN], ids=[case[0] for case in WRITTEN])
def test_a_certificate_signs_in_with_its_thumbprint_computed_and_sent_along(
    content: Callable[[], bytes], password: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "certificate"
    file.write_bytes(content())
    with entra() as http:
        http.post(TOKEN_URL, json=granted("a1"))
        tokens = Tokens(Application(HOST, TENANT, "client-1", Certificate(file, password)), RESOURCE)
        assert tokens.token() == "a1"
        sent = fields(http)
    assert sent["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_secret" not in sent
    header = jwt.get_unverified_header(sent["client_assertion"])
    thumbprint = base64.urlsafe_b64encode(OURS.fingerprint(hashes.SHA256())).decode().rstrip("=")
    assert (header["alg"], header["x5t#S256"].rstrip("=")) == ("PS256", thumbprint)
    assert base64.b64decode(header["x5c"][0]) == OURS.public_bytes(Encoding.DER)
    claims = jwt.decode(sent["client_assertion"], key().public_key(), algorithms=["PS256"], audience=TOKEN_URL)
    assert (claims["iss"], claims["sub"]) == ("client-1", "client-1")
    assert 0 < claims["exp"] - claims["iat"] <= 600
    for shown in (caplog.text, repr(tokens)):
        assert "p-value" not in shown
        assert "PRIVATE KEY" not in shown


def test_a_certificate_that_was_replaced_is_used_at_the_next_renewal(tmp_path: Path) -> None:
    file = tmp_path / "certificate.pem"
    file.write_bytes(pem(OURS))
    newer = certificate(days=60)
    with entra() as http:
        http.post(TOKEN_URL, json=granted("a1"))
        http.post(TOKEN_URL, json=granted("a2"))
        tokens = Tokens(Application(HOST, TENANT, "client-1", Certificate(file)), RESOURCE)
        tokens.drop(tokens.token())
        file.write_bytes(pem(newer))
        assert tokens.token() == "a2"
        header = jwt.get_unverified_header(fields(http)["client_assertion"])
    assert base64.b64decode(header["x5c"][0]) == newer.public_bytes(Encoding.DER)


def test_of_two_certificates_of_one_key_the_one_that_ends_later_is_used(tmp_path: Path) -> None:
    file = tmp_path / "certificate.pem"
    newer = certificate(days=60)
    file.write_bytes(pem(certificate(days=-1), newer, OURS))
    assert read_certificate(file, None).certificate.encode() == newer.public_bytes(Encoding.PEM)


def of_another_kind() -> bytes:
    curve = ec.generate_private_key(ec.SECP256R1())
    return curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "password", "said"),
    [
        (lambda: None, None, "can't be read"),
        (lambda: b"nothing", None, "does not open"),
        (lambda: pem_of_key(), None, "holds no certificate"),
        (lambda: OURS.public_bytes(Encoding.PEM), None, "does not open"),
        (lambda: pem(OURS, password="right"), None, "does not open"),
        (lambda: pem(OURS, password="right"), "wrong-value", "does not open"),
        (lambda: pem(OURS), "not-needed", "does not open"),
        (lambda: pfx(OURS, "right"), "wrong-value", "does not open"),
        (lambda: pfx(OURS, "right"), None, "does not open"),
        (lambda: pfx(None), None, "holds no certificate"),
        (lambda: pem(certificate(1)), None, "holds no certificate that belongs to its private key"),
        (lambda: pem(certificate(days=-3)), None, "expired on"),
        (lambda: of_another_kind() + OURS.public_bytes(Encoding.PEM), None, "only RSA keys"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_before_anybody_is_asked(
    content: Callable[[], bytes | None], password: str | None, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "certificate"
    written = content()
    if written is not None:
        file.write_bytes(written)
    with entra() as http:
        with pytest.raises(Misconfigured, match="sign-in-certificate") as caught:
            Tokens(Application(HOST, TENANT, "client-1", Certificate(file, password)), RESOURCE).token()
        assert len(http.calls) == 0
    assert said in caught.value.sentence
    assert str(file) in caught.value.sentence
    assert "wrong-value" not in str(caught.value)
