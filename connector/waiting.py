"""Waiting for whichever comes first, with a sleep that can be replaced: no test has to wait for real."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Sleep = Callable[[float], Awaitable[None]]


async def done_within(
    work: asyncio.Future[Any], seconds: float, sleep: Sleep, unless: asyncio.Event | None = None
) -> bool:
    """Wait for ``work`` at most so long, or until the event; whether it is done. It is neither cancelled nor asked."""
    others: set[asyncio.Future[Any]] = {asyncio.ensure_future(sleep(seconds))}
    if unless is not None:
        others.add(asyncio.ensure_future(unless.wait()))
    try:
        await asyncio.wait({work, *others}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for other in others:
            other.cancel()
    return work.done()


async def set_within(event: asyncio.Event, seconds: float, sleep: Sleep) -> bool:
    """Wait for ``event`` at most so long; whether it is set."""
    if event.is_set():
        return True
    waiter: asyncio.Future[Any] = asyncio.ensure_future(event.wait())
    try:
        await done_within(waiter, seconds, sleep)
    finally:
        waiter.cancel()
    return event.is_set()


def abandon(work: asyncio.Future[Any]) -> None:
    """Cancel work that hangs, and do not wait to see whether it obeys; what it still raises concerns nobody."""
    work.cancel()
    work.add_done_callback(lambda done: None if done.cancelled() else done.exception())
