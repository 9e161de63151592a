"""Signing in without a secret: by the token file of a platform, and by the token endpoint of a machine in Azure."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import responses

from connector.errors import ConnectorError, Misconfigured, Throttled, Transient
from connector.sign_in.application import Application, FederatedToken
from connector.sign_in.managed_identity import ManagedIdentity
from connector.sign_in.tokens import Tokens
from tests.connector.sign_in.entra import HOST, IMDS, RESOURCE, TENANT, TOKEN_URL, entra, fields, granted, refused

PLACES = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET", "IMDS_ENDPOINT")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[responses.RequestsMock]:
    """A virtual machine in Azure."""
    for name in (*PLACES, "AZURE_POD_IDENTITY_AUTHORITY_HOST", "IDENTITY_SERVER_THUMBPRINT"):
        monkeypatch.delenv(name, raising=False)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        yield http


def test_a_token_file_is_read_again_each_time_it_is_sent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "token"
    file.write_text("federated-1", encoding="utf-8")
    with entra() as http:
        http.post(TOKEN_URL, json=granted("a1"))
        http.post(TOKEN_URL, json=granted("a2"))
        tokens = Tokens(Application(HOST, TENANT, "client-1", FederatedToken(file)), RESOURCE)
        stale = tokens.token()
        file.write_text("federated-2\n", encoding="utf-8")
        tokens.drop(stale)
        assert tokens.token() == "a2"
        sent = [fields(http, number) for number in range(2)]
    assert [one["client_assertion"] for one in sent] == ["federated-1", "federated-2"]
    assert sent[0]["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "federated-1" not in caplog.text + repr(tokens)


def test_a_token_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with entra() as http:
        tokens = Tokens(Application(HOST, TENANT, "client-1", FederatedToken(tmp_path / "token")), RESOURCE)
        with pytest.raises(Misconfigured, match=r"sign-in-token-file.*can't be read"):
            tokens.token()
        assert all(call.request.method == "GET" for call in http.calls)


def test_a_token_file_that_suits_no_federated_credential_is_our_fault(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("federated-1", encoding="utf-8")
    with entra() as http:
        http.post(TOKEN_URL, status=401, json=refused("AADSTS700213"))
        with pytest.raises(Misconfigured, match=r"AADSTS700213.*subject"):
            Tokens(Application(HOST, TENANT, "client-1", FederatedToken(file)), RESOURCE).token()


@pytest.mark.parametrize(("client_id", "more"), [(None, {}), ("client-1", {"client_id": "client-1"})])
def test_a_machine_asks_its_own_endpoint_for_its_own_identity_or_the_one_that_is_named(
    client_id: str | None, more: dict[str, str], machine: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    asked = {"api-version": "2018-02-01", "resource": RESOURCE, **more}
    grant = machine.get(
        IMDS,
        json={"access_token": "m1", "expires_in": "3600", "token_type": "Bearer"},
        match=[
            responses.matchers.query_param_matcher(asked),
            responses.matchers.header_matcher({"Metadata": "true"}),
            responses.matchers.request_kwargs_matcher({"proxies": {}}),
        ],
    )
    tokens = Tokens(ManagedIdentity(client_id), f"{RESOURCE}/")
    assert [tokens.token(), tokens.token()] == ["m1", "m1"]
    assert grant.call_count == 1


def test_a_refused_token_of_a_machine_is_asked_for_anew(machine: responses.RequestsMock) -> None:
    machine.get(IMDS, json={"access_token": "m1", "expires_in": 3600})
    machine.get(IMDS, json={"access_token": "m2", "expires_in": 3600})
    machine.get(IMDS, json={"access_token": "m3", "expires_in": 3600})
    tokens = Tokens(ManagedIdentity(), RESOURCE)
    tokens.drop(tokens.token())
    assert tokens.token() == "m2"
    tokens.drop("m2", "{}")
    assert tokens.token() == "m3"


def test_an_app_asks_the_endpoint_it_was_given(
    machine: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header-value")
    asked = {"api-version": "2019-08-01", "resource": RESOURCE, "client_id": "client-1"}
    machine.get(
        "http://127.0.0.1:41741/msi/token",
        json={"access_token": "m1", "expires_on": "4102444800"},
        match=[
            responses.matchers.query_param_matcher(asked),
            responses.matchers.header_matcher({"X-IDENTITY-HEADER": "header-value"}),
        ],
    )
    assert Tokens(ManagedIdentity("client-1"), RESOURCE).token() == "m1"
    assert "header-value" not in caplog.text


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (
            {"status": 400, "json": {"error": "invalid_request", "error_description": "Identity not found"}},
            Misconfigured,
            "sign-in-managed-identity",
        ),
        ({"body": requests.ConnectionError("no route")}, Misconfigured, "sign-in-no-managed-identity"),
        ({"body": requests.ConnectTimeout("nobody")}, Misconfigured, "sign-in-no-managed-identity"),
        ({"body": requests.ReadTimeout("silence")}, Transient, "sign-in-unreachable"),
        ({"status": 404}, Transient, "sign-in-unavailable"),
        ({"status": 410}, Transient, "sign-in-unavailable"),
        ({"status": 500}, Transient, "sign-in-unavailable"),
        ({"status": 429, "headers": {"Retry-After": "5"}}, Throttled, "sign-in-throttled"),
        ({"status": 200, "body": "<html>"}, Transient, "sign-in-unreadable"),
    ],
)
def test_a_machine_that_gives_no_token_says_why(
    answer: dict[str, object], kind: type[ConnectorError], code: str, machine: responses.RequestsMock
) -> None:
    machine.get(IMDS, **answer)
    with pytest.raises(ConnectorError) as caught:
        Tokens(ManagedIdentity(), RESOURCE).token()
    assert (type(caught.value), caught.value.code) == (kind, code)
