from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import requests
import responses

from connector.errors import Misconfigured, Throttled, Transient
from connector.sign_in.application import Application, Secret, SecretFile
from connector.sign_in.tokens import Tokens
from tests.connector.sign_in.entra import DISCOVERY, HOST, RESOURCE, TENANT, TOKEN_URL, entra, fields, granted, refused

SECRET = "s3cr3t-value"
CP1 = {"access_token": {"xms_cc": {"values": ["CP1"]}}}


def source() -> Tokens:
    return Tokens(Application(HOST, TENANT, "client-1", Secret(SECRET)), f"{RESOURCE}/")


def test_a_token_is_asked_for_once_with_exactly_these_fields_and_then_kept() -> None:
    with entra() as http:
        grant = http.post(TOKEN_URL, json=granted("a1"))
        tokens = source()
        assert [tokens.token(), tokens.token()] == ["a1", "a1"]
        assert grant.call_count == 1
        assert [call.request.url for call in http.calls] == [DISCOVERY, TOKEN_URL], "and nobody else is asked"
        sent = fields(http)
        assert json.loads(sent.pop("claims")) == CP1
        assert sent == {
            "grant_type": "client_credentials",
            "client_id": "client-1",
            "client_secret": SECRET,
            "client_info": "1",
            "scope": f"{RESOURCE}/.default",
        }


def test_every_request_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[object] = []
    real = requests.Session.request

    def watched(self: requests.Session, *args: object, **kwargs: object) -> requests.Response:
        bounds.append(kwargs.get("timeout"))
        return real(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(requests.Session, "request", watched)
    with entra() as http:
        http.post(TOKEN_URL, json=granted("a1"))
        source().token()
    assert bounds == [(10.0, 30.0)] * 2


def test_a_line_in_netrc_puts_nobody_else_in_place_of_us(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("default login stranger password other\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with entra() as http:
        http.post(TOKEN_URL, json=granted("a1"))
        source().token()
        assert not any("Authorization" in call.request.headers for call in http.calls)


def test_a_dropped_token_is_renewed_and_a_newer_one_is_not_dropped_for_its_sake() -> None:
    with entra() as http:
        http.post(TOKEN_URL, json=granted("a1"))
        http.post(TOKEN_URL, json=granted("a2"))
        tokens = source()
        first = tokens.token()
        tokens.drop(first)
        assert tokens.token() == "a2"
        tokens.drop(first)
        assert tokens.token() == "a2"


def test_claims_that_were_asked_for_are_sent_along_until_a_token_is_given_and_then_no_more() -> None:
    with entra() as http:
        http.post(TOKEN_URL, json=granted("a1"))
        http.post(TOKEN_URL, status=400, json=refused("AADSTS53003", "invalid_grant"))
        http.post(TOKEN_URL, json=granted("a2"))
        http.post(TOKEN_URL, json=granted("a3"))
        tokens = source()
        tokens.drop(tokens.token(), '{"access_token": {"nbf": {"essential": true, "value": "1"}}}')
        with pytest.raises(Misconfigured, match="AADSTS53003"):
            tokens.token()
        wanted = {"access_token": {"nbf": {"essential": True, "value": "1"}, **CP1["access_token"]}}
        assert json.loads(fields(http)["claims"]) == wanted
        # MSAL itself keeps an exact refusal of 400 for a minute; another proof is another request.
        other = Tokens(Application(HOST, TENANT, "client-1", Secret("new")), RESOURCE)
        other.drop(None, '{"access_token": {"nbf": {"essential": true, "value": "1"}}}')
        assert other.token() == "a2"
        assert json.loads(fields(http)["claims"]) == wanted
        other.drop("a2")
        assert other.token() == "a3"
        assert json.loads(fields(http)["claims"]) == CP1


def test_a_refused_sign_in_names_its_code_and_never_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with entra() as http:
        said = f"Invalid client secret provided: {SECRET}."
        http.post(TOKEN_URL, status=401, json=refused("AADSTS7000215", said=said))
        tokens = source()
        with pytest.raises(Misconfigured) as caught:
            tokens.token()
    assert caught.value.code == "sign-in-AADSTS7000215"
    assert "not its id" in caught.value.sentence
    for shown in (str(caught.value), caplog.text, repr(tokens), repr(caught.value)):
        assert SECRET not in shown


def test_a_token_that_was_given_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with entra() as http:
        http.post(TOKEN_URL, json=granted("t0ken-value"))
        tokens = source()
        assert "t0ken-value" not in repr(tokens.access_token())
    assert "t0ken-value" not in caplog.text + repr(tokens)
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("status", "headers", "kind", "code"),
    [
        (429, {"Retry-After": "17"}, Throttled, "sign-in-throttled"),
        (503, {"Retry-After": "17"}, Throttled, "sign-in-throttled"),
        (429, {}, Transient, "sign-in-unavailable"),
        (500, {}, Transient, "sign-in-unavailable"),
        (503, {"Retry-After": "soon"}, Transient, "sign-in-unavailable"),
        (504, {}, Transient, "sign-in-unavailable"),
    ],
)
@pytest.mark.parametrize("at", ["discovery", "token"])
def test_a_sign_in_host_that_is_busy_or_broken_passes_by_itself(
    at: str, status: int, headers: dict[str, str], kind: type[Transient], code: str
) -> None:
    with entra() as http:
        if at == "discovery":
            http.replace(responses.GET, DISCOVERY, status=status, headers=headers)
        else:
            http.post(TOKEN_URL, status=status, headers=headers, body="<html>busy</html>")
        with pytest.raises(Transient) as caught:
            source().token()
    assert (type(caught.value), caught.value.code) == (kind, code)
    if isinstance(caught.value, Throttled):
        assert caught.value.retry_after.total_seconds() == 17


@pytest.mark.parametrize(
    ("trouble", "kind", "code"),
    [
        (requests.ConnectionError("no route"), Transient, "sign-in-unreachable"),
        (requests.ReadTimeout("silence"), Transient, "sign-in-unreachable"),
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), Misconfigured, "sign-in-not-trusted"),
    ],
)
def test_a_sign_in_host_that_gives_no_answer_is_told_by_the_reason(
    trouble: Exception, kind: type[Exception], code: str
) -> None:
    with entra() as http:
        http.post(TOKEN_URL, body=trouble)
        with pytest.raises(kind, match=code):
            source().token()


def test_an_answer_nobody_can_read_passes_by_itself() -> None:
    with entra() as http:
        http.post(TOKEN_URL, body="<html>sign in to this hotel's network</html>")
        with pytest.raises(Transient, match="sign-in-unreadable"):
            source().token()


def test_a_secret_is_not_posted_on_to_where_an_answer_points() -> None:
    with entra() as http:
        http.post(TOKEN_URL, status=307, headers={"Location": "https://elsewhere.example/token"})
        elsewhere = http.post("https://elsewhere.example/token", json=granted("a1"))
        with pytest.raises(Transient, match="sign-in-unreadable"):
            source().token()
        assert elsewhere.call_count == 0


def test_an_unknown_tenant_is_our_fault() -> None:
    with entra() as http:
        http.replace(responses.GET, DISCOVERY, status=400, json={"error": "invalid_tenant"})
        with pytest.raises(Misconfigured, match="sign-in-authority"):
            source().token()


@pytest.mark.parametrize(
    "authority", ["https://login.microsoftonline.us/t-1", "https://login.partner.microsoftonline.cn/t-1"]
)
def test_another_cloud_signs_in_at_its_own_host_and_nowhere_else(authority: str) -> None:
    host, tenant = authority.rsplit("/", 1)
    with entra(authority) as http:
        http.post(f"{authority}/oauth2/v2.0/token", json=granted("a1"))
        assert Tokens(Application(host, tenant, "c", Secret("s")), RESOURCE).token() == "a1"
        assert all(str(call.request.url).startswith(authority) for call in http.calls)


def test_a_secret_in_a_file_is_read_again_with_every_renewal(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("first\n", encoding="utf-8")
    with entra() as http:
        http.post(TOKEN_URL, json=granted("a1"))
        http.post(TOKEN_URL, status=401, json=refused("AADSTS7000222"))
        http.post(TOKEN_URL, json=granted("a2"))
        tokens = Tokens(Application(HOST, TENANT, "client-1", SecretFile(file)), RESOURCE)
        tokens.drop(tokens.token())
        with pytest.raises(Misconfigured, match="AADSTS7000222"):
            tokens.token()
        file.write_text("second", encoding="utf-8-sig")
        assert tokens.token() == "a2"
        assert [fields(http, number)["client_secret"] for number in range(3)] == ["first", "first", "second"]


@pytest.mark.parametrize(
    ("content", "said"), [(None, "can't be read"), (b"  \n", "is empty"), (b"\xff\xfe", "no text")]
)
def test_a_file_without_a_secret_is_named(content: bytes | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Misconfigured, match="sign-in-secret-file") as caught:
        Tokens(Application(HOST, TENANT, "client-1", SecretFile(file)), RESOURCE).token()
    assert said in caught.value.sentence
    assert str(file) in caught.value.sentence
