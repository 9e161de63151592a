"""Claims that Dataverse asks for: read out of a 401, answered once by a token with them, never in a loop."""

from __future__ import annotations

import base64
import json

import pytest

from connector.dataverse.client import DataverseClient
from connector.errors import Misconfigured
from connector.sign_in.application import Application, Secret
from connector.sign_in.challenge import claims_in
from connector.sign_in.tokens import Tokens
from tests.connector.sign_in.entra import HOST, RESOURCE, TENANT, TOKEN_URL, entra, fields, granted

CLAIMS = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}'
WHO = f"{RESOURCE}/api/data/v9.2/WhoAmI"
ID = "00000000-0000-0000-0000-000000000001"


def challenge(claims: bytes, *, padded: bool = True, error: str = "insufficient_claims") -> dict[str, str]:
    encoded = base64.b64encode(claims).decode()
    shown = encoded if padded else encoded.rstrip("=")
    return {"WWW-Authenticate": f'Bearer realm="", authorization_uri="https://x", error="{error}", claims="{shown}"'}


def lowered(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("claims", [CLAIMS, '{"a": "?~ÿ"}', "{}"])
def test_the_claims_of_a_challenge_are_read_however_they_are_encoded(claims: str, padded: bool) -> None:
    assert claims_in(lowered(challenge(claims.encode(), padded=padded))) == claims


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"www-authenticate": 'Bearer realm="", error="invalid_token"'},
        {"www-authenticate": 'Bearer claims="%%%"'},
        {"www-authenticate": 'Bearer claims="A"'},
        {"www-authenticate": 'Bearer claims="' + "A" * 9000 + '"'},
        lowered(challenge(b"\xff\xfe")),
        lowered(challenge(b"not json")),
        lowered(challenge(b'["a", "list"]')),
    ],
)
def test_a_refusal_that_asks_for_nothing_that_can_be_read_asks_for_nothing(headers: dict[str, str]) -> None:
    assert claims_in(headers) is None


def test_a_challenge_is_answered_by_a_token_with_those_claims_and_the_request_is_repeated_once() -> None:
    with entra() as http:
        http.post(TOKEN_URL, json=granted("a1"))
        http.post(TOKEN_URL, json=granted("a2"))
        http.get(WHO, status=401, headers=challenge(CLAIMS.encode()))
        http.get(WHO, json={"UserId": ID, "OrganizationId": ID, "BusinessUnitId": ID})
        client = DataverseClient(RESOURCE, Tokens(Application(HOST, TENANT, "c", Secret("s")), RESOURCE))
        assert str(client.who_am_i().user_id) == ID
        nbf = {"essential": True, "value": "1604106651"}
        assert json.loads(fields(http)["claims"]) == {"access_token": {"nbf": nbf, "xms_cc": {"values": ["CP1"]}}}
        sent = [call.request.headers["Authorization"] for call in http.calls if call.request.url == WHO]
        assert sent == ["Bearer a1", "Bearer a2"]


def test_a_challenge_that_comes_again_is_the_end_and_no_loop() -> None:
    with entra() as http:
        grant = http.post(TOKEN_URL, json=granted("a1"))
        refused = http.get(WHO, status=401, headers=challenge(CLAIMS.encode()))
        client = DataverseClient(RESOURCE, Tokens(Application(HOST, TENANT, "c", Secret("s")), RESOURCE))
        with pytest.raises(Misconfigured, match="sign-in-refused"):
            client.who_am_i()
        assert (grant.call_count, refused.call_count) == (2, 2)
