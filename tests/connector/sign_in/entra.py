"""Microsoft Entra and a machine's token endpoint as ``responses`` mocks them; nothing leaves this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import responses

HOST = "https://login.microsoftonline.com"
TENANT = "tenant-1"
AUTHORITY = f"{HOST}/{TENANT}"
DISCOVERY = f"{AUTHORITY}/v2.0/.well-known/openid-configuration"
TOKEN_URL = f"{AUTHORITY}/oauth2/v2.0/token"
DEVICE_URL = f"{AUTHORITY}/oauth2/v2.0/devicecode"
RESOURCE = "https://org.crm4.dynamics.com"
IMDS = "http://169.254.169.254/metadata/identity/oauth2/token"


@contextmanager
def entra(authority: str = AUTHORITY) -> Iterator[responses.RequestsMock]:
    """The sign-in host of one tenant, which knows where its own endpoints are."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        http.get(
            f"{authority}/v2.0/.well-known/openid-configuration",
            json={
                "authorization_endpoint": f"{authority}/oauth2/v2.0/authorize",
                "token_endpoint": f"{authority}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{authority}/oauth2/v2.0/devicecode",
                "issuer": f"{authority}/v2.0",
            },
        )
        yield http


def granted(token: str, expires_in: int = 3600, **more: object) -> dict[str, Any]:
    """An answer with a token."""
    return {"token_type": "Bearer", "expires_in": expires_in, "access_token": token, **more}


def refused(code: str, error: str = "invalid_client", said: str = "No.") -> dict[str, Any]:
    """An answer that says no, with a code of Entra."""
    return {"error": error, "error_description": f"{code}: {said} Trace ID: x", "error_codes": [int(code[6:])]}


def fields(http: responses.RequestsMock, number: int = -1) -> dict[str, str]:
    """What one request posted as a form."""
    posted = [call.request for call in http.calls if call.request.method == "POST"]
    return {name: values[0] for name, values in parse_qs(str(posted[number].body)).items()}
