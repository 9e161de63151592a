"""Runs a composed service until somebody stops it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from service.app import App
from service.signals import stop_event

log = logging.getLogger(__name__)


async def until_stopped(app: App, tell: Callable[[], None] | None = None) -> None:
    """Work until the first signal, then drain. Raises ``ConnectorError`` when the service can't begin its work.

    ``tell`` says to others that it is there, and is called once it can be stopped.
    """
    try:
        with stop_event() as stop:
            if tell is not None:
                tell()
            log.info("starting on %s; stop with Ctrl-C", app.dataverse.url)
            await app.run(stop)
            log.info("stopped: everything at work was finished and settled")
    finally:
        app.close()
