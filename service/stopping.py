"""Waiting for something unless whoever runs the service wants it to stop first; also until it is there at all."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from connector.errors import Throttled, Transient, UnknownOutcome
from connector.waiting import Sleep, set_within

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = 2.0, 60.0
"""Seconds between looks at something that is away."""


async def unless(stop: asyncio.Event, *work: Callable[[], None]) -> bool:
    """Do these at once, each in a thread; ``True`` when all are done, ``False`` as soon as ``stop`` is set.

    Raises what the first of them raises. The threads are daemons: work that was given up does not keep the process
    from ending.
    """
    done: asyncio.Future[Any] = asyncio.gather(*(_begun(one) for one in work))
    asked: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([done, asked], return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            return False
        done.result()
        return not stop.is_set()
    finally:
        asked.cancel()
        # Work that was given up has nobody left to tell of its end; unread, the loop would log it as a fault.
        done.add_done_callback(_read)
        done.cancel()


async def patiently(stop: asyncio.Event, work: Sequence[Callable[[], None]], sleep: Sleep = asyncio.sleep) -> bool:
    """Do these at once as ``unless`` does, each again with growing waits while what it needs is only away.

    Raises the first ``ConnectorError`` that no waiting mends.
    """
    tasks = [asyncio.ensure_future(_until_there(stop, one, sleep)) for one in work]
    try:
        return all(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


async def _until_there(stop: asyncio.Event, work: Callable[[], None], sleep: Sleep) -> bool:
    wait = FIRST_WAIT
    while True:
        try:
            return await unless(stop, work)
        except (Transient, UnknownOutcome) as away:
            told = away.retry_after.total_seconds() if isinstance(away, Throttled) else 0.0
            seconds = max(wait, told)
            log.warning("not there yet (%s): %s It is tried again in %d seconds", away.code, away.sentence, seconds)
        if await set_within(stop, seconds, sleep):
            return False
        wait = min(2 * wait, LONGEST_WAIT)


def _read(done: asyncio.Future[Any]) -> None:
    if not done.cancelled():
        done.exception()


def _begun(work: Callable[[], None]) -> asyncio.Future[None]:
    outcome: Future[None] = Future()
    outcome.set_running_or_notify_cancel()

    def carried_out() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 — carried over to whoever waits, whatever it is
            outcome.set_exception(error)
        else:
            outcome.set_result(None)

    threading.Thread(target=carried_out, daemon=True).start()
    return asyncio.wrap_future(outcome)
