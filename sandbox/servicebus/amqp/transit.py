"""Octets and frames on their way: in order, at once unless one is held up, and then all behind it waits as well."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from sandbox.servicebus.amqp.container import Scheduler, Timer

Item = TypeVar("Item")
_MAX_QUEUED = 1024 * 1024
"""Octets that may wait for a flush, or be held up, before links stop adding to them."""
_MAX_ARRIVALS = 500
"""Frames that may be held up before no more is read."""


class Departures:
    """What leaves for the socket with the next flush. ``on_room``: after it was full, there is room again."""

    def __init__(self, scheduler: Scheduler, on_room: Callable[[], None]) -> None:
        self._scheduler = scheduler
        self._on_room = on_room
        self._queued = bytearray()
        self._holdups: list[tuple[int, float]] = []
        self._late: deque[tuple[float, bytes]] = deque()
        self._late_octets = 0
        self._transport: asyncio.Transport | None = None
        self._timer: Timer | None = None
        self._closing = False

    @property
    def full(self) -> bool:
        """Whether nothing should be added that can wait."""
        return len(self._queued) + self._late_octets >= _MAX_QUEUED

    def piled_up(self, paused: asyncio.Transport | None) -> bool:
        """Whether so much waits, here or in a socket that is ``paused``, that not even answers should be added."""
        return self.full or (paused is not None and paused.get_write_buffer_size() >= _MAX_QUEUED)

    def add(self, octets: bytes, lag: float = 0.0) -> None:
        """Queue octets, to be held up for so many seconds once they are flushed."""
        if lag > 0:
            self._holdups.append((len(self._queued), lag))
        self._queued += octets

    def flush(self, transport: asyncio.Transport, *, closing: bool) -> None:
        """Send what was queued, and if ``closing`` close the socket behind it."""
        self._closing = closing
        was_full = self.full
        if not self._holdups and not self._late:
            if self._queued:
                transport.write(bytes(self._queued))
                self._queued.clear()
            if closing:
                transport.close()
        else:
            self._hold_up()
            self._transport = transport
            self._leave()
        if was_full and not self.full and not closing:
            self._on_room()

    def drop(self) -> None:
        """Forget everything: the socket is gone."""
        self._queued.clear()
        self._holdups.clear()
        self._late.clear()
        self._late_octets = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hold_up(self) -> None:
        """Move what was queued behind what is held up already, each part with the moment it may leave."""
        now = self._scheduler.time()
        if not self._holdups or self._holdups[0][0] > 0:
            self._holdups.insert(0, (0, 0.0))
        ends = [start for start, _ in self._holdups[1:]] + [len(self._queued)]
        for (start, lag), end in zip(self._holdups, ends, strict=True):
            part = bytes(self._queued[start:end])
            self._late.append((now + lag, part))
            self._late_octets += len(part)
        self._queued.clear()
        self._holdups.clear()

    def _leave(self) -> None:
        transport = self._transport
        if transport is None:
            return
        now = self._scheduler.time()
        while self._late and self._late[0][0] <= now:
            octets = self._late.popleft()[1]
            self._late_octets -= len(octets)
            if octets:
                transport.write(octets)
        if self._late:
            if self._timer is None:
                self._timer = self._scheduler.call_later(self._late[0][0] - now, self._ring)
        elif self._closing:
            transport.close()

    def _ring(self) -> None:
        self._timer = None
        was_full = self.full
        self._leave()
        if was_full and not self.full and not self._closing:
            self._on_room()


class Arrivals(Generic[Item]):
    """Frames that came in: ``handle`` gets them in order, each after its ``lag`` in seconds.

    ``on_turn`` is called when one that was held up is due; it calls ``go_on``.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        lag: Callable[[Item], float],
        handle: Callable[[Item], None],
        on_turn: Callable[[], None],
    ) -> None:
        self._scheduler = scheduler
        self._lag = lag
        self._handle = handle
        self._on_turn = on_turn
        self._line: deque[tuple[float, Item]] = deque()
        self._due: float | None = None
        self._hurried = False
        self._timer: Timer | None = None

    @property
    def full(self) -> bool:
        """Whether no more should be read for now."""
        return len(self._line) >= _MAX_ARRIVALS

    def add(self, item: Item) -> None:
        """One came in."""
        if not self._line:
            lag = 0.0 if self._hurried else self._lag(item)
            if lag <= 0:
                self._handle(item)
                return
            self._due = self._scheduler.time() + lag
        self._line.append((self._scheduler.time(), item))
        self.go_on()

    def go_on(self) -> None:
        """Handle those that are due."""
        while self._line:
            arrived, item = self._line[0]
            if self._due is None:
                # Only now, as what stood before it may have attached the link it is about.
                self._due = arrived + self._lag(item)
            left = self._due - self._scheduler.time()
            if left > 0:
                if self._timer is None:
                    self._timer = self._scheduler.call_later(left, self._ring)
                return
            self._line.popleft()
            self._due = None
            self._handle(item)

    def hurry(self) -> None:
        """Handle all of them now: nothing more comes, and what was on its way still arrives."""
        self._hurried = True
        while self._line:
            self._handle(self._line.popleft()[1])
        self.drop()

    def drop(self) -> None:
        """Forget those that are held up: the connection is over."""
        self._line.clear()
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._on_turn()
