"""``/health``: whether the sandbox can be used, in the words of Microsoft's Service Bus emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

HEALTH: Final = "/health"
"""Its path at Dataverse's address; it takes no token."""


class Health:
    """Not before everything is up, nor once it stops; in between, ``ailing`` tells what is wrong, if anything."""

    def __init__(self, ailing: Callable[[], str | None]) -> None:
        self._ailing = ailing
        self._not_ready: str | None = "The sandbox is starting."

    def up(self) -> None:
        """Everything has started."""
        self._not_ready = None

    def down(self) -> None:
        """The end has begun."""
        self._not_ready = "The sandbox is stopping."

    def answer(self) -> tuple[int, Any]:
        """Status and JSON."""
        problem = self._not_ready or self._ailing()
        if problem is None:
            return 200, {"status": "healthy", "message": "Service is healthy."}
        return 503, {"status": "unhealthy", "message": problem}
