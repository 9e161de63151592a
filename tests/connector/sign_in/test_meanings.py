"""What a refused sign-in means, and that each code is in the documents with what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.errors import Misconfigured, Transient
from connector.sign_in import application, certificates, token_cache
from connector.sign_in.meanings import REMEDIES, refused_sign_in
from tests.connector.sign_in.entra import refused
from tests.service.test_documented_codes import codes

PAGE = (Path(__file__).parents[3] / "docs" / "sign-in.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "code",
    [
        "AADSTS7000215",
        "AADSTS7000222",
        "AADSTS700016",
        "AADSTS90002",
        "AADSTS50076",
        "AADSTS53003",
        "AADSTS500011",
        "AADSTS700027",
        "AADSTS70021",
    ],
)
def test_a_refusal_a_person_must_mend_pauses_with_a_lasting_code_and_its_remedy(code: str) -> None:
    failure = refused_sign_in(refused(code))
    assert (type(failure), failure.code) == (Misconfigured, f"sign-in-{code}")
    assert failure.sentence == f"Sign-in was refused. {REMEDIES[code]}"


def test_a_refusal_nobody_listed_is_named_by_its_code_or_else_by_the_error_of_oauth() -> None:
    assert refused_sign_in(refused("AADSTS123456")).code == "sign-in-AADSTS123456"
    assert refused_sign_in({"error": "invalid_scope"}).code == "sign-in-invalid_scope"
    assert refused_sign_in({"error": "<b>odd</b> " * 99}).code == "sign-in-" + ("boddb" * 99)[:64]
    assert refused_sign_in({}).code == "sign-in-no-token"


@pytest.mark.parametrize(
    "answer",
    [
        refused("AADSTS90033", "temporarily_unavailable"),
        refused("AADSTS1", "server_error"),
        refused("AADSTS90055", "invalid_request"),
        refused("AADSTS50196", "invalid_grant"),
    ],
)
def test_a_refusal_for_the_moment_is_tried_again(answer: dict[str, object]) -> None:
    assert isinstance(refused_sign_in(answer), Transient)


def test_what_entra_quotes_is_never_repeated() -> None:
    failure = refused_sign_in(refused("AADSTS7000215", said="Invalid client secret s3cr3t-value"))
    assert "s3cr3t-value" not in str(failure)


def test_every_code_of_signing_in_is_documented_with_what_to_do() -> None:
    files = {certificates.CODE, token_cache.CODE, "sign-in-secret-file", "sign-in-token-file"}
    said = Path(application.__file__).read_text(encoding="utf-8")
    assert all(f'"{one}"' in said for one in ("sign-in-secret-file", "sign-in-token-file"))
    ours = {code for code, what in codes() if code.startswith("sign-in-") and what == "pause"}
    rows = re.findall(r"^\| (`sign-in-.*?) \|", PAGE, re.MULTILINE)
    documented = {code for row in rows for code in re.findall(r"`([^`]+)`", row)}
    told = {f"sign-in-{code}" for code in REMEDIES}
    assert documented == told | files | ours | {"sign-in-refused"}
    passing = {code for code, what in codes() if code.startswith("sign-in-") and what == "aside"}
    assert all(f"`{code}`" in PAGE for code in passing | {"sign-in-throttled"})
