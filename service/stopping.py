"""Waiting for something unless whoever runs the service wants it to stop first."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


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
