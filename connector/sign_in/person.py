"""Signing in as a person at a command line: in the browser of this machine, or by a code in a browser anywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from connector.errors import Misconfigured
from connector.sign_in.application import CAPABILITIES
from connector.sign_in.meanings import refused_sign_in
from connector.sign_in.session import SignInSession, failures_of_sign_in
from connector.sign_in.token_cache import TokenCache

PATIENCE = 300
"""Seconds that a browser is waited for."""
NOT_FINISHED = frozenset({"authorization_pending", "expired_token", "authorization_declined", "access_denied", "abort"})
"""Errors by which a person said no, or nothing."""
ASK_AGAIN = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})
"""Errors of OAuth that say that the person has to be asked."""


class Person:
    """A ``Credential``: whoever answers, once; from then on MSAL renews by itself.

    The app registration must allow public client flows. ``tell`` shows the person what to do. ``by_code`` asks them to
    type a code into a browser wherever they like; otherwise the browser of this machine is opened.
    """

    def __init__(
        self,
        authority: str,
        tenant: str,
        client_id: str,
        *,
        by_code: bool,
        tell: Callable[[str], None],
        cache: TokenCache | None = None,
    ) -> None:
        self._authority = f"{authority.rstrip('/')}/{tenant}"
        self._client_id = client_id
        self._by_code = by_code
        self._tell = tell
        self._cache = cache or TokenCache()
        self._session = SignInSession()
        self._application: Any = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Person({self._authority!r}, {self._client_id!r})"

    def acquire(self, resource: str, *, anew: bool, claims: str | None) -> Mapping[str, Any]:
        """See ``Credential``. Asks the person when nothing else helps; others wait meanwhile, and ask nobody."""
        scopes = [f"{resource}/.default"]
        with self._lock, failures_of_sign_in(self._authority):
            application = self._opened()
            accounts = application.get_accounts()
            answer: Mapping[str, Any] | None = None
            if accounts:
                answer = application.acquire_token_silent_with_error(
                    scopes, account=accounts[0], force_refresh=anew, claims_challenge=claims
                )
            if answer is None or answer.get("error") in ASK_AGAIN:
                answer = self._asked(application, scopes, claims)
            self._cache.save()
        return answer

    def _opened(self) -> Any:
        # Imported here: msal takes a sixth of a second, which a command that never signs in need not spend.
        import msal  # type: ignore[import-untyped]

        if self._application is None:
            self._application = msal.PublicClientApplication(
                self._client_id,
                authority=self._authority,
                token_cache=self._cache.opened(),
                http_client=self._session,
                client_capabilities=CAPABILITIES,
                instance_discovery=False,
            )
        return self._application

    def _asked(self, application: Any, scopes: list[str], claims: str | None) -> Mapping[str, Any]:
        answer: Mapping[str, Any]
        if self._by_code:
            flow = application.initiate_device_flow(scopes=scopes, claims_challenge=claims)
            if "user_code" not in flow:
                raise refused_sign_in(flow)
            self._tell(f"To sign in, open {flow['verification_uri']} and enter the code {flow['user_code']}.")
            answer = application.acquire_token_by_device_flow(flow, claims_challenge=claims)
        else:
            self._tell("To sign in, use the browser that opens now.")
            try:
                answer = application.acquire_token_interactive(
                    scopes, claims_challenge=claims, timeout=PATIENCE, auth_uri_callback=self._where
                )
            except RuntimeError as error:
                # Nobody came in time, or what came was not the answer to this question.
                raise _not_finished() from error
        if answer.get("error") in NOT_FINISHED:
            raise _not_finished()
        return answer

    def _where(self, address: str) -> None:
        self._tell(f"No browser could be opened. On this machine, open {address}")


def _not_finished() -> Misconfigured:
    return Misconfigured("sign-in-not-finished", "Nobody finished signing in; start the command again.")
