"""``psa-connector sandbox --certificate``: Dataverse over https, for clients that insist on it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from tests.sandbox.clients.certificates import certificate_in
from tests.service.processes import IN_TIME, first_line, started
from tests.service.test_sandbox_command import refused


def test_dataverse_is_served_over_https_and_the_data_are_the_same_without(tmp_path: Path) -> None:
    certificate = str(certificate_in(tmp_path))
    with (
        started("sandbox", "--empty", "--data", "d", "--certificate", certificate, cwd=tmp_path) as process,
        requests.Session() as session,
    ):
        told = first_line(process)
        assert told["dataverse"].startswith("https://127.0.0.1:")
        session.trust_env, session.verify = False, certificate
        session.headers["Authorization"] = f"Bearer {told['token']}"
        made = session.post(f"{told['dataverse']}/api/data/v9.2/accounts", json={"name": "A"}, timeout=IN_TIME)
        assert made.headers["OData-EntityId"].startswith(told["dataverse"])
        assert session.get(f"{told['dataverse']}/sandbox/clock", timeout=IN_TIME).status_code == 200
    with started("sandbox", "--empty", "--data", "d", cwd=tmp_path) as process:
        plain = first_line(process)
        assert plain["dataverse"] == told["dataverse"].replace("https://", "http://")
        assert plain["token"] == told["token"]


def test_a_file_without_certificate_or_key_is_wrong_usage(tmp_path: Path) -> None:
    whole = certificate_in(tmp_path).read_text("utf-8")
    certificate, separator, key = whole.partition("-----BEGIN PRIVATE KEY-----")
    for name, text in (("text", "x"), ("keyless", certificate), ("key", separator + key)):
        (tmp_path / f"{name}.pem").write_text(text, "utf-8")
        code, words = refused("--certificate", str(tmp_path / f"{name}.pem"))
        assert (code, "does not hold a PEM certificate and its key" in words) == (2, True), words
    code, words = refused("--certificate", str(tmp_path / "nowhere.pem"))
    assert (code, "nowhere.pem can't be read: No such file or directory." in words) == (2, True), words


@pytest.mark.posix
def test_a_key_with_a_password_is_wrong_usage_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    assert openssl is not None
    path = tmp_path / "locked.pem"
    files = ["-keyout", str(path), "-out", str(path)]
    command = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-passout",
        "pass:secret",
        "-subj",
        "/CN=127.0.0.1",
        *files,
    ]
    subprocess.run(command, capture_output=True, timeout=IN_TIME, check=True)  # noqa: S603
    code, words = refused("--certificate", str(path))
    assert (code, "without a password" in words) == (2, True), words
