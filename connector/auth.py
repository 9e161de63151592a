"""Where bearer tokens come from: a fixed one for a local world, or a client secret through Microsoft's sign-in."""

from __future__ import annotations

import logging
import re
import threading
from typing import Any, Protocol

from connector.errors import Misconfigured, Transient

log = logging.getLogger(__name__)

PUBLIC_CLOUD = "https://login.microsoftonline.com"
PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error"})


class TokenSource(Protocol):
    """Gives a bearer token that is valid now."""

    def token(self) -> str:
        """A token. Raises ``Misconfigured`` when sign-in is refused, ``Transient`` when it cannot be reached."""
        ...

    def drop(self, stale: str | None = None, claims: str | None = None) -> None:
        """The last token was refused: forget it. Given the refused token, a newer one is kept.

        ``claims`` is what the refusal asked for (JSON): the next token is asked for with it.
        """
        ...


class StaticToken:
    """One token that never changes, for a local world."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        """The token."""
        return self._token

    def drop(self, stale: str | None = None, claims: str | None = None) -> None:
        """There is no other; the next refusal is final."""


class ClientSecret:
    """Signs in as an application with its secret; MSAL keeps the token until shortly before it ends.

    ``resource`` is the environment's address (``https://org.crm4.dynamics.com``); ``authority`` is the sign-in host of
    the cloud. One renewal runs at a time; the others wait for it. The secret appears in no message and no ``repr``.
    """

    def __init__(
        self, tenant: str, client_id: str, secret: str, resource: str, *, authority: str = PUBLIC_CLOUD
    ) -> None:
        self._authority = f"{authority.rstrip('/')}/{tenant}"
        self._client_id = client_id
        self._secret = secret
        self._scope = f"{resource.rstrip('/')}/.default"
        self._application: Any = None
        self._current: str | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"ClientSecret(authority={self._authority!r}, client_id={self._client_id!r})"

    def token(self) -> str:
        """A token for the resource, from MSAL's cache or newly asked for."""
        with self._lock:
            answer = self._acquire()
            token = answer.get("access_token")
            if not isinstance(token, str):
                raise refused_sign_in(answer)
            self._current = token
            return token

    def drop(self, stale: str | None = None, claims: str | None = None) -> None:
        """Forget the cached token, unless it has been renewed since ``stale`` was handed out."""
        with self._lock:
            if self._application is not None and (stale is None or stale == self._current):
                self._application.remove_tokens_for_client()
                self._current = None

    def _acquire(self) -> dict[str, Any]:
        # Imported here: msal takes a sixth of a second, which a command that never signs in need not spend.
        import msal  # type: ignore[import-untyped]
        import requests

        try:
            if self._application is None:
                self._application = msal.ConfidentialClientApplication(
                    self._client_id, client_credential=self._secret, authority=self._authority
                )
            answer: dict[str, Any] = self._application.acquire_token_for_client(scopes=[self._scope])
        except requests.RequestException as error:
            raise Transient("sign-in-unreachable", f"{self._authority} could not be reached to sign in.") from error
        except ValueError as error:
            # MSAL refuses an authority or tenant it cannot find with a plain ValueError.
            raise Misconfigured(
                "sign-in-authority", f"{self._authority} is no authority to sign in with: check tenant and cloud."
            ) from error
        return answer


def refused_sign_in(answer: dict[str, Any]) -> Misconfigured | Transient:
    """MSAL's refusal → a failure that carries the AADSTS code and nothing secret."""
    error = str(answer.get("error", "no-token"))
    found = re.search(r"AADSTS\d+", str(answer.get("error_description", "")))
    code = found.group(0) if found else error
    if error in PASSING_ERRORS:
        return Transient(f"sign-in-{code}", f"Sign-in is not available at the moment ({code}).")
    log.error("sign-in was refused: %s (%s)", code, error)
    return Misconfigured(
        f"sign-in-{code}",
        f"Sign-in was refused ({code}, {error}): check tenant, client id, and that the secret has not expired.",
    )
