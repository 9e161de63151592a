"""Runs a composed service until somebody stops it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from connector.delivery import GIVEN_BACK
from service.app import App
from service.signals import stop_event

log = logging.getLogger(__name__)


async def until_stopped(app: App, tell: Callable[[], None] | None = None) -> int:
    """Work until the first signal, then drain. Raises ``ConnectorError`` when the service can't begin its work.

    ``tell`` says to others that it is there, and is called once it can be stopped. Returns how many messages were given
    back because they did not come to their end: their threads may still wait for an answer.
    """
    try:
        with stop_event() as stop:
            if tell is not None:
                tell()
            log.info("starting on %s; stop with Ctrl-C", app.dataverse.url)
            await app.run(stop)
            left = sum(worker.status().counts.get(GIVEN_BACK, 0) for worker in app.workers)
            if left:
                log.warning("stopped: %d messages were still at work and are given back; they come again", left)
            else:
                log.info("stopped: every message at work was finished and settled")
            return left
    finally:
        app.close()


def is_held_up() -> bool:
    """Whether a thread is left that the process would wait for before it ends, whatever that thread waits for."""
    return any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate())
