"""Threads for work that waits for others: as many as are at work, and none that keeps the process from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, wait
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")
LOOK = 0.5
"""Seconds after which a thread that waits for others can be interrupted, on systems where waiting itself can't be."""
_Job = Callable[[], None] | None


class Crew(Executor):
    """An ``Executor`` of daemon threads. One that hangs takes no other's place, and does not outlive the process.

    Work belongs to the trace of whoever submits it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._idle: list[SimpleQueue[_Job]] = []
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run this in a thread that has nothing to do, or in a new one."""
        outcome: Future[T] = Future()
        context = copy_context()

        def job() -> None:
            if not outcome.set_running_or_notify_cancel():
                self._rest(box)
                return
            try:
                done = context.run(fn, *args, **kwargs)
            except BaseException as error:  # noqa: BLE001 — carried over to whoever waits, whatever it is
                self._rest(box)
                outcome.set_exception(error)
            else:
                # First at rest, then heard of: whoever hears of it may have more to do.
                self._rest(box)
                outcome.set_result(done)

        with self._lock:
            if self._closed:
                raise RuntimeError("the crew was dismissed")
            box = self._idle.pop() if self._idle else self._one_more()
        box.put(job)
        return outcome

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take nothing more. What is at work is never waited for."""
        with self._lock:
            self._closed = True
            for box in self._idle:
                box.put(None)
            self._idle.clear()

    def _rest(self, box: SimpleQueue[_Job]) -> None:
        with self._lock:
            if self._closed:
                box.put(None)
            else:
                self._idle.append(box)

    def _one_more(self) -> SimpleQueue[_Job]:
        box: SimpleQueue[_Job] = SimpleQueue()
        threading.Thread(target=_work, args=(box,), name=self._name, daemon=True).start()
        return box


async def apart(name: str, work: Callable[[], T]) -> T:
    """Do this in a thread of its own, which ends with it. One that hangs keeps neither the loop from ending, as
    ``asyncio.to_thread`` does, nor the process."""
    crew = Crew(name)
    try:
        return await asyncio.wrap_future(crew.submit(work))
    finally:
        crew.shutdown()


def side_by_side(name: str, at_once: int, work: Callable[[S], T], items: Sequence[S]) -> list[T]:
    """``work`` done on every item, so many ``at_once`` and begun in their order; what came of each, in that order.

    What one raises is raised when all are through.
    """
    if at_once == 1 or len(items) < 2:
        return [work(item) for item in items]
    free = threading.Semaphore(at_once)

    def one(item: S) -> T:
        try:
            return work(item)
        finally:
            free.release()

    crew, begun = Crew(name), []
    try:
        for item in items:
            while not free.acquire(timeout=LOOK):
                continue
            begun.append(crew.submit(one, item))
        while wait(begun, LOOK).not_done:
            continue
    finally:
        crew.shutdown()
    return [one.result() for one in begun]


def _work(box: SimpleQueue[Any]) -> None:
    while (job := box.get()) is not None:
        job()
