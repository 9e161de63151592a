"""The dead letters of several queues, one call after the other, for a command line that waits for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from connector.bus_access import Access
from connector.dead_letter_queue import DeadLetterQueue, PutAside


class Boxes:
    """Opened by ``opened``; each call raises ``ConnectorError``."""

    def __init__(self, runner: asyncio.Runner, access: Callable[[str], Access], wait: float) -> None:
        self._runner = runner
        self._access = access
        self._wait = wait
        self._open: dict[str, DeadLetterQueue] = {}

    def pages(self, queue: str) -> Iterator[list[PutAside]]:
        """All that are there, in order; nothing is locked."""
        after = 0
        while found := self._runner.run(self._box(queue).peek(after)):
            yield found
            after = max(one.sequence for one in found)

    def one(self, queue: str, sequence: int) -> PutAside | None:
        """The one of this number, if it is there."""
        found = self._runner.run(self._box(queue).peek(sequence - 1, 1))
        return next((one for one in found if one.sequence == sequence), None)

    def take(
        self, queue: str, wanted: Collection[int], is_stopped: Callable[[], bool]
    ) -> Generator[list[PutAside], None, None]:
        """Those that are free, locked, some at a time; settle each part before the next is asked for."""
        taking = self._box(queue).take(wanted, is_stopped)

        async def following() -> list[PutAside]:
            return await anext(taking, [])

        try:
            while part := self._runner.run(following()):
                yield part
        finally:
            self._runner.run(taking.aclose())

    def send_again(self, queue: str, letters: Sequence[PutAside], run: UUID) -> list[PutAside]:
        """Send a copy of each, under an id that is this run's; those that are too large by now."""
        return self._runner.run(self._box(queue).send_again(letters, run))

    def remove(self, queue: str, letters: Sequence[PutAside]) -> list[bool]:
        """Take each out; whether that is confirmed."""
        box = self._box(queue)

        async def all_at_once() -> list[bool]:
            return await asyncio.gather(*(box.remove(one) for one in letters))

        return self._runner.run(all_at_once())

    def give_back(self, queue: str, letters: Sequence[PutAside]) -> None:
        """Leave each where it was."""
        box = self._box(queue)

        async def all_at_once() -> None:
            await asyncio.gather(*(box.give_back(one) for one in letters))

        self._runner.run(all_at_once())

    def close(self) -> None:
        """Close everything."""
        for box in self._open.values():
            self._runner.run(box.__aexit__())

    def _box(self, queue: str) -> DeadLetterQueue:
        if queue not in self._open:

            async def made() -> DeadLetterQueue:
                return DeadLetterQueue(self._access(queue), queue, wait=self._wait)

            self._open[queue] = self._runner.run(made())
        return self._open[queue]


@contextmanager
def opened(access: Callable[[str], Access], wait: float = 5.0) -> Iterator[Boxes]:
    """The dead letters of queues; ``access`` says how each is reached.

    ``wait``: seconds after which a queue that hands out none is at its end.
    """
    with asyncio.Runner() as runner:
        boxes = Boxes(runner, access, wait)
        try:
            yield boxes
        finally:
            boxes.close()
