"""Signing in as the managed identity of the machine, app or container this runs on: no secret at all."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import requests

from connector.errors import ConnectorError, Misconfigured, Transient
from connector.sign_in.session import SignInSession, failures_of_sign_in

HERE = "The token endpoint of this machine"
UPDATING = frozenset({404, 410})
"""Statuses by which the endpoint says that it, or the identity, is being set up ("How to use managed identities for
Azure resources to acquire an access token")."""


class ManagedIdentity:
    """A ``Credential``: the system-assigned identity, or the user-assigned one with this client id."""

    def __init__(self, client_id: str | None = None) -> None:
        self._client_id = client_id
        self._session = SignInSession(own_machine=True, passing=UPDATING, out_of_reach=_out_of_reach)
        self._client: Any = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ManagedIdentity({self._client_id or 'system-assigned'!r})"

    def acquire(self, resource: str, *, anew: bool, claims: str | None) -> Mapping[str, Any]:
        """See ``Credential``."""
        # Imported here: msal takes a sixth of a second, which a command that never signs in need not spend.
        import msal  # type: ignore[import-untyped]

        with self._lock, failures_of_sign_in(HERE):
            if self._client is None or (anew and claims is None):
                self._client = msal.ManagedIdentityClient(self._identity(msal), http_client=self._session)
            try:
                answer: Mapping[str, Any] = self._client.acquire_token_for_client(
                    resource=resource, claims_challenge=claims
                )
            except msal.ManagedIdentityError as error:
                raise _refused(type(error).__name__) from error
        if "access_token" not in answer:
            raise _refused(str(answer.get("error", "no-token")))
        return answer

    def _identity(self, msal: Any) -> Any:
        if self._client_id is None:
            return msal.SystemAssignedManagedIdentity()
        return msal.UserAssignedManagedIdentity(client_id=self._client_id)


def _refused(error: str) -> Misconfigured:
    return Misconfigured(
        "sign-in-managed-identity",
        f"{HERE} gave no token ({error}): assign the managed identity to it, and name a user-assigned one by its "
        "client id.",
    )


def _out_of_reach(error: requests.RequestException) -> ConnectorError:
    if isinstance(error, requests.exceptions.ReadTimeout):
        return Transient("sign-in-unreachable", f"{HERE} did not answer in time.")
    return Misconfigured(
        "sign-in-no-managed-identity", f"{HERE} is not there: managed identities exist in Azure, where one is assigned."
    )
