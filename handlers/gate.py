"""What every plan has to pass before it is written: not whether it is right, but whether now, and so much."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from connector.errors import ConnectorError, Throttled
from handlers.plan import Plan


class Gate(Protocol):
    """Lets plans pass, or holds them back for a reason that says what becomes of the message."""

    def holds_back(self, plan: Plan) -> ConnectorError | None:
        """Why the plan must not be written now; ``None`` lets it pass."""
        ...

    def is_through(self, plan: Plan) -> None:
        """A plan that was let pass has been written, or was tried to be."""
        ...


@dataclass(frozen=True, slots=True)
class Grace:
    """Holds a plan back until what it follows from is as old as the ``grace`` that somebody else has to act on it.

    An event's own age does not tell: the one of submitting an entry may be handled when it has just been approved.
    ``now`` is the clock that stamps rows, not this host's.
    """

    grace: timedelta
    now: Callable[[], datetime]

    def holds_back(self, plan: Plan) -> ConnectorError | None:
        """Throttled until the grace is over, which spends no attempt."""
        left = self.grace - (self.now() - plan.since) if plan.since is not None else timedelta()
        if left <= timedelta():
            return None
        return Throttled("in-grace", "Whoever else acts on this approval gets the time to do so.", left)

    def is_through(self, plan: Plan) -> None:
        """Nothing to remember."""
