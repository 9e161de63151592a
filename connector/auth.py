"""Where bearer tokens come from: what every request asks, and a fixed token for a local world."""

from __future__ import annotations

from typing import Protocol


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

    def __repr__(self) -> str:
        return "StaticToken()"

    def token(self) -> str:
        """The token."""
        return self._token

    def drop(self, stale: str | None = None, claims: str | None = None) -> None:
        """There is no other; the next refusal is final."""
