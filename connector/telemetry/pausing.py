"""A breaker that counts its pauses, and its state as a number."""

from __future__ import annotations

from datetime import datetime

from connector.breaker import Breaker, State, Waits
from connector.telemetry.codes import bounded
from connector.telemetry.instruments import CODE, PAUSES, QUEUE
from connector.telemetry.recording import Attributes, recording

NUMBERS = {State.RUNNING: 0, State.TRYING: 1, State.PAUSED: 2}
"""States as a gauge shows them: the higher, the worse."""


class CountingBreaker(Breaker):
    """A ``Breaker`` of one queue's worker."""

    def __init__(self, queue: str, waits: Waits | None = None) -> None:
        super().__init__(waits)
        self._queue = queue

    @property
    def reading(self) -> tuple[float, Attributes]:
        """Its state as a number, and whose it is. From any thread."""
        return NUMBERS[self.state if self.held is None else State.PAUSED], {QUEUE: self._queue}

    def trip(self, code: str, sentence: str, now: datetime) -> None:
        """See ``Breaker``; what only changes the reason of a pause is not one more."""
        if self.state is not State.PAUSED:
            recording().add(PAUSES, 1, {QUEUE: self._queue, CODE: bounded(code)})
        super().trip(code, sentence, now)
