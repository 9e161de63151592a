"""Links: one direction of messages between a peer and whatever stands behind an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from sandbox.servicebus.amqp.errors import INVALID_FIELD, MESSAGE_SIZE_EXCEEDED, AmqpError, LinkError
from sandbox.servicebus.amqp.performatives import Attach, Disposition, Flow, Transfer
from sandbox.servicebus.amqp.states import Rejected, State, read_state, write_state
from sandbox.servicebus.amqp.types import Described, ULong

if TYPE_CHECKING:
    from sandbox.servicebus.amqp.session import Session

SETTLED_MODE = 1
_CREDIT = 1000
"""How many messages a peer may have under way to us on one link."""
_SERIAL = 0xFFFFFFFF
_SOURCE, _TARGET = 0x28, 0x29
_SOURCE_FIELDS, _TARGET_FIELDS = 11, 7


class Outlet(Protocol):
    """What stands behind a link we send on."""

    def credited(self) -> None:
        """The peer granted credit, or room to write came back."""

    def settled(self, tag: bytes, state: State, *, answered: bool) -> State | None:
        """The peer says what became of a delivery; the answer is what became of that, and None is no answer.

        ``answered``: whether the peer is told at all.
        """

    def detached(self) -> None:
        """The link is gone."""


class Inlet(Protocol):
    """What stands behind a link we receive on.

    ``surplus``: octets that an envelope (a message with a format of its own) may have above the link's announced size.
    """

    surplus: int

    def arrived(self, message: bytes, message_format: int, *, answered: bool) -> State | None:
        """A whole message came in; the answer is what became of it, and None is no answer. ``answered``: as above."""

    def detached(self) -> None:
        """The link is gone."""


class Link:
    """What both directions share: the peer's attach, and how to answer it."""

    def __init__(self, session: Session, attach: Attach) -> None:
        self.session = session
        self.attach = attach
        self.handle = attach.handle
        self.properties: dict[Any, Any] = {}
        self.max_message_size = 0xFFFFFFFF
        self.answered = True
        self.permit: Callable[[], object] = lambda: None
        """Raises a ``LinkError`` once the peer may not use the link any more; asked at each message and credit."""
        self.granted_source: Described | None = None

    def postpone(self) -> None:
        """Leave the peer's attach unanswered for now; ``Session.accept`` or ``Session.detach`` answers it."""
        self.answered = False

    @property
    def source(self) -> Described | None:
        """The source the peer asked for."""
        return self.attach.source

    @property
    def target(self) -> Described | None:
        """The target the peer asked for."""
        return self.attach.target

    def reply(self, *, refused: bool = False) -> Attach:
        """Our attach: the peer's own terms again, or, as a refusal, without our end of the link."""
        sends = self.attach.role
        return Attach(
            name=self.attach.name,
            handle=self.handle,
            role=not sends,
            snd_settle_mode=self.attach.snd_settle_mode,
            rcv_settle_mode=self.attach.rcv_settle_mode,
            source=None
            if refused and sends
            else _complete(self.granted_source or self.source, _SOURCE, _SOURCE_FIELDS),
            target=None if refused and not sends else _complete(self.target, _TARGET, _TARGET_FIELDS),
            initial_delivery_count=0 if sends else None,
            max_message_size=self.max_message_size,
            properties=self.properties,
        )


class SendingLink(Link):
    """A link we send on, within the credit the peer gives."""

    outlet: Outlet

    def __init__(self, session: Session, attach: Attach) -> None:
        super().__init__(session, attach)
        self.credit = 0
        self.delivery_count = 0
        self.draining = False

    @property
    def sends_settled(self) -> bool:
        """Whether the peer asked for deliveries that need no answer."""
        return self.attach.snd_settle_mode == SETTLED_MODE

    @property
    def ready(self) -> bool:
        """Whether a message may be sent now."""
        return self.credit > 0 and self.session.ready

    def flowed(self, flow: Flow) -> None:
        """Take the peer's credit: stated anew, never added up."""
        if flow.link_credit:
            self.permit()
        if flow.link_credit is not None:
            self.credit = max(0, flow.link_credit + ahead(flow.delivery_count or 0, self.delivery_count))
        self.draining = flow.drain
        self.outlet.credited()
        if flow.echo and not self.draining:
            self.state_flow()

    def send(self, tag: bytes, message: bytes, *, settled: bool) -> None:
        """Send one message against one credit."""
        self.credit -= 1
        self.delivery_count = (self.delivery_count + 1) & _SERIAL
        self.session.deliver(self, tag, message, settled=settled)

    def drained(self) -> None:
        """Give back the credit there was nothing to send for, if the peer asked for that."""
        if self.draining:
            self.delivery_count = (self.delivery_count + self.credit) & _SERIAL
            self.credit = 0
            self.state_flow()
            self.draining = False

    def gone(self) -> None:
        """The link is detached, or what it was part of is over."""
        self.outlet.detached()

    def state_flow(self) -> None:
        """Tell the peer how the link stands."""
        self.session.send_flow(self.handle, self.delivery_count, self.credit, drain=self.draining)

    def settle(self, tag: bytes, state: State, *, answered: bool) -> State | None:
        """Hand the peer's decision to the outlet; what it refuses comes back as a rejection with the error."""
        try:
            return self.outlet.settled(tag, state, answered=answered)
        except AmqpError as refusal:
            return Rejected(refusal.condition, refusal.description)


class ReceivingLink(Link):
    """A link we receive on; puts transfers together to messages and answers each."""

    inlet: Inlet

    def __init__(self, session: Session, attach: Attach) -> None:
        super().__init__(session, attach)
        self._delivery_count = attach.initial_delivery_count or 0
        self._credit = 0
        self._first: Transfer | None = None
        self._size = 0
        self._parts = bytearray()

    def grant(self) -> None:
        """Give the peer credit to send, once it has used up half of what it had."""
        if self._credit <= _CREDIT // 2:
            self._credit = _CREDIT
            self.state_flow()

    def gone(self) -> None:
        """The link is detached, or what it was part of is over."""
        self.inlet.detached()

    def state_flow(self) -> None:
        """Tell the peer how the link stands."""
        self.session.send_flow(self.handle, self._delivery_count, self._credit, drain=False)

    def flowed(self, flow: Flow) -> None:
        """The peer tells how its sending stands; only a question needs an answer."""
        if flow.echo:
            self.state_flow()

    def transferred(self, transfer: Transfer, payload: bytes) -> None:
        """Take one frame of a message, and with the last one the message."""
        if self._first is None:
            if transfer.delivery_id is None:
                raise LinkError(INVALID_FIELD, "the first transfer of a delivery has no delivery-id")
            self.permit()
            self._first = transfer
        if transfer.aborted:
            self._finish()
            return
        # What is too large is refused at its end, not cut short: clients report the reason only of a settled delivery.
        self._size += len(payload)
        limit = self.max_message_size + (self.inlet.surplus if self._first.message_format else 0)
        if self._size <= limit:
            self._parts += payload
        else:
            self._parts.clear()
        if transfer.more:
            return
        first, size, message = self._first, self._size, bytes(self._parts)
        self._finish()
        answered = not (first.settled or transfer.settled)
        state = self._arrived(first, transfer, message, answered) if size <= limit else self._too_large()
        if state is not None and answered:
            answer = Disposition(role=True, first=first.delivery_id or 0, settled=True, state=write_state(state))
            self.session.send(answer, link=self)

    def _arrived(self, first: Transfer, last: Transfer, message: bytes, answered: bool) -> State | None:
        try:
            for transfer in (first, last):
                read_state(transfer.state)
            return self.inlet.arrived(message, first.message_format or 0, answered=answered)
        except AmqpError as refusal:
            return Rejected(refusal.condition, refusal.description)

    def _too_large(self) -> State:
        refusal = too_large(self.max_message_size)
        return Rejected(refusal.condition, refusal.description)

    def _finish(self) -> None:
        self._first = None
        self._size = 0
        self._parts = bytearray()
        self._delivery_count = (self._delivery_count + 1) & _SERIAL
        self._credit -= 1
        self.grant()


def ahead(one: int, other: int) -> int:
    """How far one 32-bit serial number is ahead of another, by the shorter way round; negative where it is behind."""
    difference = (one - other) & _SERIAL
    return difference if difference <= _SERIAL >> 1 else difference - _SERIAL - 1


def too_large(limit: int) -> AmqpError:
    """The error for a message of more octets than may be sent."""
    return AmqpError(MESSAGE_SIZE_EXCEEDED, f"The message is larger than the {limit} bytes allowed here.")


AnyLink = SendingLink | ReceivingLink


def terminus_fields(terminus: Described | None) -> list[Any]:
    """The fields of a source or target; empty for none."""
    return list(terminus.value) if terminus is not None and isinstance(terminus.value, list) else []


def _complete(terminus: Described | None, code: int, width: int) -> Described:
    """The peer's own source or target again, with the fields it left out written as nulls."""
    fields = terminus_fields(terminus)[:width]
    return Described(ULong(code), [*fields, *[None] * (width - len(fields))])
