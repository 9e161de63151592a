"""A worker process: the composed service on the sandbox's addresses, which kills itself by signal 9 in a given phase.

    python -m tests.chaos.entries.worker CLOCK PHASE NUMBER [SABOTEUR]

``CLOCK`` is a file that says how many seconds the sandbox's clock is ahead of this machine's. The settings come from
the environment, as an administrator's would. Before it dies it writes the phase, so that a kill counts as struck only
where it really was.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from pathlib import Path
from typing import Any

from connector.dataverse.budget import Limits
from connector.dataverse.client import DataverseClient
from connector.dataverse.commits import Commits
from connector.servicebus import ServiceBusInbox
from connector.worker import Pace
from service import far_side
from service.app import compose
from service.running import until_stopped
from service.settings_sources import load
from tests.chaos.entries.saboteurs import SABOTEURS

PHASES = (
    "received",
    "gathered",
    "about to write",
    "written",
    "about to settle",
    "copy sent",
    "settled",
)
NEVER = "never"
PACE = Pace(max_wait=0.5, silence=15.0, close_within=3.0)
"""Less patient with a bus that confirms nothing than in life: what is waited for here is real time."""


class Doom:
    """Dies at the n-th time the phase is reached."""

    def __init__(self, phase: str, number: int) -> None:
        self._phase = phase
        self._left = number
        self._lock = threading.Lock()

    def reach(self, phase: str) -> None:
        """Here we are; perhaps for the last time."""
        if phase != self._phase:
            return
        with self._lock:
            self._left -= 1
            if self._left > 0:
                return
            os.write(1, f"{phase}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


class FarClock:
    """The sandbox's time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ahead = timedelta()
        self._read_at = 0.0

    def now(self) -> datetime:
        """Aware UTC, as the broker and Dataverse tell it."""
        if time.monotonic() - self._read_at > 0.05:
            self._ahead = timedelta(seconds=float(self._file.read_text(encoding="ascii")))
            self._read_at = time.monotonic()
        return datetime.now(UTC) + self._ahead


def haunt(doom: Doom) -> None:
    """Put the phases where they happen."""
    before(Commits, "commit", doom, "about to write")
    after(Commits, "commit", doom, "written")
    after(DataverseClient, "query", doom, "gathered")
    around_async(ServiceBusInbox, "receive", doom, None, "received", only=bool)
    around_async(ServiceBusInbox, "complete", doom, "about to settle", "settled")
    around_async(ServiceBusInbox, "_send_copy", doom, None, "copy sent")


def before(kind: type, name: str, doom: Doom, phase: str) -> None:
    """Reach the phase just before the method."""
    method = getattr(kind, name)

    @wraps(method)
    def changed(self: Any, *arguments: Any, **named: Any) -> Any:
        doom.reach(phase)
        return method(self, *arguments, **named)

    setattr(kind, name, changed)


def after(kind: type, name: str, doom: Doom, phase: str) -> None:
    """Reach the phase just after the method."""
    method = getattr(kind, name)

    @wraps(method)
    def changed(self: Any, *arguments: Any, **named: Any) -> Any:
        answer = method(self, *arguments, **named)
        doom.reach(phase)
        return answer

    setattr(kind, name, changed)


def around_async(
    kind: type, name: str, doom: Doom, first: str | None, then: str, only: Callable[[Any], bool] = lambda _: True
) -> None:
    """Reach phases just before and after a coroutine."""
    method = getattr(kind, name)

    @wraps(method)
    async def changed(self: Any, *arguments: Any, **named: Any) -> Any:
        if first is not None:
            doom.reach(first)
        answer = await method(self, *arguments, **named)
        if only(answer):
            doom.reach(then)
        return answer

    setattr(kind, name, changed)


def main(clock: str, phase: str, number: str, saboteur: str = "") -> None:
    """Work until killed or told to stop."""
    now = FarClock(Path(clock)).now
    haunt(Doom(phase, int(number)))
    if saboteur:
        SABOTEURS[saboteur].commit()
    # Hours of work in a minute: our own budget, which knows no simulated time, would hold most of it back.
    vars(far_side)["Limits"] = partial(Limits, requests=10**9, execution=timedelta(days=365))
    app = compose(load(None), now=now, pace=PACE)
    asyncio.run(until_stopped(app))


if __name__ == "__main__":
    main(*sys.argv[1:])
