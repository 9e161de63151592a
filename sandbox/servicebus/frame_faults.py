"""Planned faults brought to frames: what a frame is about, and what befalls it."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.servicebus.addresses import path_of
from sandbox.servicebus.amqp.connection import Connection
from sandbox.servicebus.amqp.interference import Fate
from sandbox.servicebus.amqp.links import ReceivingLink, SendingLink, terminus_fields
from sandbox.servicebus.amqp.performatives import Attach, Detach, Disposition, Flow, Performative, Transfer
from sandbox.servicebus.amqp.states import read_state
from sandbox.servicebus.amqp.types import Described
from sandbox.servicebus.faults import BusFaults
from sandbox.servicebus.message_faults import settlement
from sandbox.servicebus.requests import ReplyOutlet, RequestInlet

Point = tuple[str | None, tuple[str, ...]]
"""An entity's path, where there is one, and the operation by its names."""


class FrameFaults:
    """See ``amqp.interference.Interference``."""

    def __init__(self, faults: BusFaults) -> None:
        self._faults = faults

    @property
    def active(self) -> bool:
        """See ``Interference.active``."""
        return self._faults.any

    def lag(self, frame: Performative, link: SendingLink | ReceivingLink | None, *, incoming: bool) -> float:
        """See ``Interference.lag``."""
        entity, operations = _point(frame, link, incoming=incoming)
        directions = (None, "in" if incoming else "out")
        fault = self._faults.strike("latency", entity, *operations, where=lambda fault: fault.direction in directions)
        return 0.0 if fault is None else fault.delay

    def fate(self, frame: Performative, link: SendingLink | ReceivingLink | None) -> Fate | None:
        """See ``Interference.fate``."""
        entity, operations = _point(frame, link, incoming=True)
        if not operations or isinstance(frame, Detach) or (isinstance(frame, Flow) and not _asks(frame, link)):
            return None
        unfinished = isinstance(frame, Transfer) and frame.more
        cut = self._faults.strike(
            "drop_connection", entity, *operations, where=lambda fault: not (fault.carried_out and unfinished)
        )
        if cut is not None:
            return Fate(carried_out=cut.carried_out)
        if link is None:
            return None
        detached = self._faults.strike("detach_link", entity, *operations)
        if detached is None and operations == ("credit",):
            detached = self._faults.strike("server_busy", entity, *operations)
        return None if detached is None else Fate(detached.error)

    def delivering(self, link: SendingLink) -> Fate | None:
        """See ``Interference.delivering``."""
        if _is_management(link):
            return None
        entity = _entity_of(link)
        cut = self._faults.strike("drop_connection", entity, "deliver")
        if cut is not None:
            return Fate(carried_out=cut.carried_out)
        detached = self._faults.strike("detach_link", entity, "deliver")
        return None if detached is None else Fate(detached.error)

    def strike_now(self, connections: Iterable[Connection]) -> None:
        """Let happen what was planned to happen at once."""
        if not self.active:
            return
        for connection in list(connections):
            for link in connection.links:
                if _is_management(link):
                    continue
                entity = _entity_of(link)
                if self._faults.strike("drop_connection", entity, "now"):
                    connection.cut()
                    break
                detached = self._faults.strike("detach_link", entity, "now")
                if detached is not None and detached.error is not None:
                    link.session.detach(link, detached.error)


def _point(frame: Performative, link: SendingLink | ReceivingLink | None, *, incoming: bool) -> Point:
    match frame:
        case Attach(role=role, source=source, target=target):
            # The peer's attach names what it receives from; so does our answer, in which the role is ours.
            return _path(source if role == incoming else target), ("attach",)
        case Detach():
            return _entity_of(link), ("detach",)
        case Flow() if link is not None:
            return _entity_of(link), ("credit",)
        case Transfer() if link is not None:
            return _entity_of(link), (_carried(link),)
        case Disposition() if link is not None:
            if not incoming:
                return _entity_of(link), ("confirm",)
            state = read_state(frame.state)
            return _entity_of(link), () if state is None else (settlement(state), "settle")
        case _:
            return None, ()


def _carried(link: SendingLink | ReceivingLink) -> str:
    if isinstance(link, SendingLink):
        return "reply" if isinstance(link.outlet, ReplyOutlet) else "deliver"
    return "request" if isinstance(link.inlet, RequestInlet) else "send"


def _asks(flow: Flow, link: SendingLink | ReceivingLink | None) -> bool:
    """Whether a receiver asks for messages: others tell how they stand, give credit back, or wait for replies."""
    return isinstance(link, SendingLink) and not _is_management(link) and bool(flow.link_credit)


def _is_management(link: SendingLink | ReceivingLink) -> bool:
    return _carried(link) in ("reply", "request")


def _entity_of(link: SendingLink | ReceivingLink | None) -> str | None:
    if link is None:
        return None
    return _path(link.source if isinstance(link, SendingLink) else link.target)


def _path(terminus: Described | None) -> str | None:
    """The entity an address leads to, also where it is that of the entity's management node."""
    fields = terminus_fields(terminus)
    if not fields or not isinstance(fields[0], str):
        return None
    return path_of(fields[0]).removesuffix("/$management")
