"""What may be done on purpose to frames, links and connections, so that it is seen what peers make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.amqp.performatives import Performative

if TYPE_CHECKING:
    from sandbox.servicebus.amqp.links import ReceivingLink, SendingLink


@dataclass(frozen=True, slots=True)
class Fate:
    """What a frame meets with: the link is closed with the ``error`` or, without one, the connection is cut.

    ``carried_out``: only after what the frame asks for was done.
    """

    error: AmqpError | None = None
    carried_out: bool = False


class Interference(Protocol):
    """Who decides on it."""

    @property
    def active(self) -> bool:
        """Whether there is anything to be decided at all."""

    def lag(self, frame: Performative, link: SendingLink | ReceivingLink | None, *, incoming: bool) -> float:
        """Seconds this frame is held up; ``link``: what it is about, where it is about an attached one."""

    def fate(self, frame: Performative, link: SendingLink | ReceivingLink | None) -> Fate | None:
        """What befalls a frame that came in, or None."""

    def delivering(self, link: SendingLink) -> Fate | None:
        """What befalls a message about to leave on a link, or None; if ``carried_out``, it leaves first."""
