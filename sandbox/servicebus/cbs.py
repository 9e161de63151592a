"""``$cbs``, claims-based security: where a client shows its token before it may attach to anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sandbox.servicebus.requests import Reply, Request
from sandbox.servicebus.sas import Grants, SharedKey, TokenRefused, check_token


class CbsService:
    """Checks the tokens of one connection."""

    status_field = "status-code"
    description_field = "status-description"
    longest_request = 16 * 1024

    def __init__(self, keys: dict[str, SharedKey], grants: Grants, now: Callable[[], datetime]) -> None:
        self._keys = keys
        self._grants = grants
        self._now = now

    def answer(self, request: Request) -> Reply:
        """202 for a token that holds, 401 with the reason for one that does not."""
        if request.operation != "put-token":
            return Reply(501, f"The operation {request.operation} is not supported.")
        # The type a client names is no guide: the Python SDK calls its shared access signatures "jwt".
        audience = request.properties.get("name")
        if not isinstance(audience, str) or not isinstance(request.body, str):
            return Reply(400, "A token and its audience must be strings.")
        try:
            self._grants.add(check_token(request.body, audience, self._keys, self._now()))
        except TokenRefused as refusal:
            return Reply(401, str(refusal))
        return Reply(202, "Accepted")
