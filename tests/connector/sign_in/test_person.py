"""Signing in as a person: what they are told, what is asked for then, and what is remembered where."""

from __future__ import annotations

import base64
import json
import logging
import os
import stat
import threading
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import msal  # type: ignore[import-untyped]
import pytest
from msal.oauth2cli.oauth2 import BrowserInteractionTimeoutError  # type: ignore[import-untyped]

from connector.errors import Misconfigured
from connector.sign_in.person import Person
from connector.sign_in.token_cache import TokenCache
from connector.sign_in.tokens import Tokens
from tests.connector.sign_in.entra import (
    DEVICE_URL,
    HOST,
    RESOURCE,
    TENANT,
    TOKEN_URL,
    entra,
    fields,
    granted,
    refused,
)

BUS = "https://servicebus.azure.net"
FLOW = {
    "device_code": "device-code-value",
    "user_code": "ABCD1234",
    "verification_uri": "https://microsoft.com/devicelogin",
    "expires_in": 900,
    "interval": 0,
    "message": "…",
}


def to_a_person(token: str) -> dict[str, object]:
    """A token for a person, with what MSAL needs to know them again."""
    info = base64.urlsafe_b64encode(json.dumps({"uid": "u1", "utid": "t1"}).encode()).decode().rstrip("=")
    return granted(token, refresh_token="refresh-value", client_info=info)


def told_by_us(caplog: pytest.LogCaptureFixture) -> str:
    """What our own code logs. MSAL's debugging shows codes that were used up; it is never switched on."""
    return " ".join(record.getMessage() for record in caplog.records if not record.name.startswith("msal"))


def person(told: list[str], *, by_code: bool = True, cache: TokenCache | None = None) -> Person:
    return Person(HOST, TENANT, "client-1", by_code=by_code, tell=told.append, cache=cache)


def test_a_person_is_given_a_code_once_for_everything_and_renewals_ask_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    with entra() as http:
        http.post(DEVICE_URL, json=FLOW)
        http.post(TOKEN_URL, status=400, json={"error": "authorization_pending"})
        http.post(TOKEN_URL, json=to_a_person("d1"))
        http.post(TOKEN_URL, json=to_a_person("d2"))
        http.post(TOKEN_URL, json=to_a_person("b1"))
        anna = person(told)
        dataverse, bus = Tokens(anna, RESOURCE), Tokens(anna, BUS)
        assert dataverse.token() == "d1"
        dataverse.drop("d1")
        assert dataverse.token() == "d2"
        assert bus.token() == "b1"
        asked = [fields(http, number) for number in range(5)]
    assert told == ["To sign in, open https://microsoft.com/devicelogin and enter the code ABCD1234."]
    assert f"{RESOURCE}/.default" in asked[0]["scope"].split()
    assert asked[1]["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code"
    assert (asked[3]["grant_type"], asked[3]["refresh_token"]) == ("refresh_token", "refresh-value")
    assert f"{BUS}/.default" in asked[4]["scope"].split()
    assert not any(secret in told_by_us(caplog) for secret in ("refresh-value", "device-code-value"))


def test_a_person_whose_sign_in_has_ended_is_asked_again() -> None:
    told: list[str] = []
    with entra() as http:
        http.post(DEVICE_URL, json=FLOW)
        http.post(TOKEN_URL, json=to_a_person("d1"))
        http.post(TOKEN_URL, status=400, json=refused("AADSTS50173", "invalid_grant"))
        http.post(TOKEN_URL, json=to_a_person("d2"))
        tokens = Tokens(person(told), RESOURCE)
        tokens.drop(tokens.token())
        assert tokens.token() == "d2"
    assert len(told) == 2


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": "expired_token"}, "sign-in-not-finished"),
        ({"error": "access_denied"}, "sign-in-not-finished"),
        (refused("AADSTS7000218"), "sign-in-AADSTS7000218"),
        (refused("AADSTS53003", "access_restricted"), "sign-in-AADSTS53003"),
    ],
)
def test_a_code_that_comes_to_nothing_ends_with_the_reason(answer: dict[str, object], code: str) -> None:
    with entra() as http:
        http.post(DEVICE_URL, json=FLOW)
        http.post(TOKEN_URL, status=400, json=answer)
        with pytest.raises(Misconfigured) as caught:
            Tokens(person([]), RESOURCE).token()
    assert caught.value.code == code


def test_an_application_that_may_not_give_codes_is_our_fault() -> None:
    with entra() as http:
        http.post(DEVICE_URL, status=400, json=refused("AADSTS700016", "unauthorized_client"))
        with pytest.raises(Misconfigured, match="AADSTS700016"):
            Tokens(person([]), RESOURCE).token()


def browser(address: str, **_: object) -> bool:
    """Signs in like a person: Entra has the browser post the code to the address that waits on this machine."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    answer = urlencode({"code": "code-value", "state": asked["state"]}).encode()
    threading.Thread(target=lambda: urllib.request.urlopen(asked["redirect_uri"], answer, timeout=10).close()).start()  # noqa: S310
    return True


def test_a_browser_is_opened_and_the_code_it_brings_is_exchanged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("msal.oauth2cli.authcode._browse", browser)
    told: list[str] = []
    with entra() as http:
        http.post(TOKEN_URL, json=to_a_person("i1"))
        assert Tokens(person(told, by_code=False), RESOURCE).token() == "i1"
        sent = fields(http)
    assert (sent["grant_type"], sent["code"]) == ("authorization_code", "code-value")
    assert sent["redirect_uri"].startswith("http://localhost:")
    assert len(sent["code_verifier"]) >= 43
    assert told == ["To sign in, use the browser that opens now."]
    assert "code-value" not in told_by_us(caplog)


def test_where_there_is_no_browser_its_address_is_told_and_nobody_is_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []

    def nobody(self: object, scopes: list[str], **options: object) -> None:
        options["auth_uri_callback"]("https://login.example/authorize")  # type: ignore[operator]
        assert options["timeout"] == 300
        raise BrowserInteractionTimeoutError("User did not complete the flow in time")

    monkeypatch.setattr(msal.PublicClientApplication, "acquire_token_interactive", nobody)
    with entra(), pytest.raises(Misconfigured, match="sign-in-not-finished"):
        Tokens(person(told, by_code=False), RESOURCE).token()
    assert told[1] == "No browser could be opened. On this machine, open https://login.example/authorize"


def test_a_file_remembers_the_person_for_the_next_command_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    with entra() as http:
        http.post(DEVICE_URL, json=FLOW)
        http.post(TOKEN_URL, json=to_a_person("d1"))
        assert Tokens(person([], cache=TokenCache(file)), RESOURCE).token() == "d1"
        told: list[str] = []
        assert Tokens(person(told, cache=TokenCache(file)), RESOURCE).token() == "d1"
    assert told == []
    assert [one.name for one in tmp_path.iterdir()] == ["tokens.json"]
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.posix
def test_a_file_that_others_may_read_is_refused_and_a_broken_one_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    file.write_text("{", encoding="utf-8")
    file.chmod(0o640)
    with pytest.raises(Misconfigured, match=r"sign-in-token-cache.*chmod 600"):
        TokenCache(file).opened()
    file.chmod(0o600)
    assert TokenCache(file).opened().serialize() == "{}"
    file.write_bytes(b"\xff\xfe")
    assert TokenCache(file).opened().serialize() == "{}"


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    with entra() as http:
        http.post(DEVICE_URL, json=FLOW)
        http.post(TOKEN_URL, json=to_a_person("d1"))
        cache = TokenCache(tmp_path / "nowhere" / "tokens.json")
        with pytest.raises(Misconfigured, match="sign-in-token-cache"):
            Tokens(person([], cache=cache), RESOURCE).token()
