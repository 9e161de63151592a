"""What a connection needs of those around it: an owner that knows the addresses, and time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sandbox.servicebus.amqp.connection import Connection
    from sandbox.servicebus.amqp.interference import Interference
    from sandbox.servicebus.amqp.links import ReceivingLink, SendingLink


class Container(Protocol):
    """Who owns the connections: knows what stands behind the addresses, and when output may leave."""

    name: str
    lock: AbstractContextManager[object]

    @property
    def interference(self) -> Interference:
        """Who decides what goes wrong on purpose."""

    def attach(self, link: SendingLink | ReceivingLink) -> None:
        """Put an outlet or inlet behind the link, or raise the error that refuses it."""

    def touched(self) -> None:
        """A connection did something and may have output: flush it when its effects are safe."""

    def closed(self, connection: Connection) -> None:
        """The connection is gone."""


class Timer(Protocol):
    """Something that will happen unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen."""


class Scheduler(Protocol):
    """The part of an event loop that a connection's heartbeat needs."""

    def time(self) -> float:
        """Seconds, from whatever beginning."""

    def call_later(self, delay: float, callback: Callable[[], object]) -> Timer:
        """Call back after so many seconds."""
