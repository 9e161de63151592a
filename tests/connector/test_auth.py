from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import responses

from connector.auth import ClientSecret, StaticToken
from connector.errors import Misconfigured, Transient

AUTHORITY = "https://login.microsoftonline.com/tenant-1"
TOKEN_URL = f"{AUTHORITY}/oauth2/v2.0/token"
SECRET = "s3cr3t-value"


@pytest.fixture
def sign_in() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        http.get(
            f"{AUTHORITY}/v2.0/.well-known/openid-configuration",
            json={
                "authorization_endpoint": f"{AUTHORITY}/oauth2/v2.0/authorize",
                "token_endpoint": TOKEN_URL,
                "issuer": f"{AUTHORITY}/v2.0",
            },
        )
        host = "login.microsoftonline.com"
        http.get(
            f"https://{host}/common/discovery/instance",
            json={"metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]},
        )
        yield http


def source() -> ClientSecret:
    return ClientSecret("tenant-1", "client-1", SECRET, "https://org.crm4.dynamics.com/")


def granted(token: str) -> dict[str, object]:
    return {"token_type": "Bearer", "expires_in": 3600, "access_token": token}


def test_a_token_is_asked_for_once_with_exactly_these_fields_and_then_kept(sign_in: responses.RequestsMock) -> None:
    grant = sign_in.post(TOKEN_URL, json=granted("a1"))
    tokens = source()

    assert [tokens.token(), tokens.token()] == ["a1", "a1"]
    assert grant.call_count == 1
    fields = dict(part.split("=", 1) for part in str(sign_in.calls[-1].request.body).split("&"))
    assert fields["grant_type"] == "client_credentials"
    assert fields["client_id"] == "client-1"
    assert fields["client_secret"] == SECRET
    assert fields["scope"] == "https%3A%2F%2Forg.crm4.dynamics.com%2F.default"


def test_a_dropped_token_is_renewed(sign_in: responses.RequestsMock) -> None:
    sign_in.post(TOKEN_URL, json=granted("a1"))
    sign_in.post(TOKEN_URL, json=granted("a2"))
    tokens = source()
    first = tokens.token()

    tokens.drop(first)

    assert tokens.token() == "a2"


def test_a_token_that_was_renewed_meanwhile_is_not_dropped_for_the_old_ones_sake(
    sign_in: responses.RequestsMock,
) -> None:
    grant = sign_in.post(TOKEN_URL, json=granted("a1"))
    tokens = source()
    tokens.token()

    tokens.drop("an older one")

    assert tokens.token() == "a1"
    assert grant.call_count == 1


def test_a_refused_sign_in_names_its_code_and_never_the_secret(
    sign_in: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in.post(
        TOKEN_URL,
        status=401,
        json={
            "error": "invalid_client",
            "error_description": f"AADSTS7000215: Invalid client secret provided: {SECRET}. Trace ID: x",
        },
    )
    caplog.set_level("DEBUG", logger="connector")

    with pytest.raises(Misconfigured) as caught:
        source().token()

    assert caught.value.code == "sign-in-AADSTS7000215"
    assert SECRET not in str(caught.value)
    assert SECRET not in caplog.text
    assert SECRET not in repr(source())


def test_a_sign_in_that_is_down_for_the_moment_is_transient(sign_in: responses.RequestsMock) -> None:
    sign_in.post(
        TOKEN_URL,
        status=400,
        json={"error": "temporarily_unavailable", "error_description": "AADSTS90033: A transient error has occurred."},
    )

    with pytest.raises(Transient, match="AADSTS90033"):
        source().token()


def test_a_sign_in_out_of_reach_is_transient() -> None:
    with responses.RequestsMock() as http:
        http.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", body=requests.ConnectionError("no route"))

        with pytest.raises(Transient, match="sign-in-unreachable"):
            source().token()


def test_an_unknown_tenant_is_our_fault() -> None:
    with responses.RequestsMock() as http:
        http.get(f"{AUTHORITY}/v2.0/.well-known/openid-configuration", status=400, json={"error": "invalid_tenant"})

        with pytest.raises(Misconfigured, match="sign-in-authority"):
            source().token()


def test_a_static_token_stays_what_it_is() -> None:
    tokens = StaticToken("x")
    tokens.drop("x")

    assert tokens.token() == "x"
