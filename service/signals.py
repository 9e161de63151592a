"""Ctrl-C and termination become one event; works the same on Windows, where a loop takes no signal handlers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

log = logging.getLogger(__name__)

STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)  # SIGBREAK is how Windows ends a console program
INTERRUPTED = 130
STDERR = 2
AT_ONCE = b"Ended at once: what was at work was not finished; its messages come again when their locks have run out.\n"


@contextmanager
def stop_event() -> Iterator[asyncio.Event]:
    """An event that the first signal sets. A second one ends the process at once, whatever its threads wait for.

    Use inside a running loop, in the main thread.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    asked_before = False

    def begin() -> None:
        stop.set()
        log.info("asked to stop: what is at work is finished first; ask again to end at once")

    def asked(number: int, frame: FrameType | None) -> None:
        nonlocal asked_before
        if asked_before:
            end_at_once(INTERRUPTED, AT_ONCE)
        asked_before = True
        loop.call_soon_threadsafe(begin)

    before = {number: signal.signal(number, asked) for number in STOPPING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_at_once(code: int, said: bytes = b"") -> NoReturn:
    """No clean-up: whatever would be waited for is what does not end. Streams may be locked by who was interrupted."""
    with contextlib.suppress(OSError):
        os.write(STDERR, said)
    os._exit(code)
