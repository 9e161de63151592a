"""Ctrl-C at a command that has something at work: the first asks it to stop, the second ends it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from service.signals import INTERRUPTED, STDERR, STOPPING

AT_ONCE = "Ended at once: what was at work may have been carried out; {} looks.\n"


@contextmanager
def asked_to_stop(say: Callable[[], None], again: str = "") -> Iterator[threading.Event]:
    """An event that the first signal sets, saying so; a second one ends the process. Use in the main thread.

    ``again``: the command that goes on with what is left.
    """
    stop, last = threading.Event(), AT_ONCE.format(f"`psa-connector {again}`" if again else "resuming").encode()

    def asked(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            with contextlib.suppress(OSError):
                os.write(STDERR, last)
            os._exit(INTERRUPTED)
        stop.set()
        say()

    before = {number: signal.signal(number, asked) for number in STOPPING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
