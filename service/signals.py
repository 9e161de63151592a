"""Ctrl-C and termination become one event; works the same on Windows, where a loop takes no signal handlers."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)  # SIGBREAK is how Windows ends a console program


@contextmanager
def stop_event() -> Iterator[asyncio.Event]:
    """An event that the first signal sets; a second one interrupts at once. Use inside a running loop, main thread."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        for each, handler in before.items():
            signal.signal(each, handler)
        loop.call_soon_threadsafe(stop.set)

    before = {number: signal.signal(number, asked) for number in STOPPING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
