"""Silence on a connection: a peer that is heard no more is taken for dead, and ours is broken as often as it asks."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.servicebus.amqp.container import Scheduler, Timer

IDLE_TIME_OUT = 240.0
"""Seconds of silence after which a peer is taken for dead."""
_SHORTEST = 0.1


class Heartbeat:
    """Calls ``on_silence`` once nothing was heard for too long, and ``on_beat`` as often as the peer wants to hear."""

    def __init__(self, scheduler: Scheduler, on_silence: Callable[[], None], on_beat: Callable[[], None]) -> None:
        self._scheduler = scheduler
        self._on_silence = on_silence
        self._on_beat = on_beat
        self._heard = 0.0
        self._peer_idle: float | None = None
        self._timer: Timer | None = None

    def start(self) -> None:
        """The peer is there."""
        self.heard()
        self._beat()

    def heard(self) -> None:
        """The peer said something."""
        self._heard = self._scheduler.time()

    def promise(self, peer_idle: float) -> None:
        """From now on, let the peer hear something within so many seconds."""
        self._peer_idle = max(peer_idle, _SHORTEST)
        self.stop()
        self._beat()

    def stop(self) -> None:
        """The peer is gone."""
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        if self._scheduler.time() - self._heard > IDLE_TIME_OUT:
            self._on_silence()
            return
        if self._peer_idle is not None:
            self._on_beat()
        pause = IDLE_TIME_OUT / 4 if self._peer_idle is None else min(self._peer_idle / 2, IDLE_TIME_OUT / 4)
        self._timer = self._scheduler.call_later(pause, self._beat)
