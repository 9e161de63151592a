"""Sessions: a window of transfers each way, the links inside, and the deliveries not settled yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sandbox.servicebus.amqp.errors import (
    FRAMING_ERROR,
    HANDLE_IN_USE,
    UNATTACHED_HANDLE,
    AmqpError,
    LinkError,
    SessionError,
)
from sandbox.servicebus.amqp.interference import Fate
from sandbox.servicebus.amqp.links import AnyLink, Link, ReceivingLink, SendingLink, ahead
from sandbox.servicebus.amqp.performatives import Attach, Begin, Detach, Disposition, Flow, Performative, Transfer
from sandbox.servicebus.amqp.states import Received, read_state, write_error, write_state

if TYPE_CHECKING:
    from sandbox.servicebus.amqp.connection import Connection

HANDLE_MAX = 255
_INCOMING_WINDOW = 5000
_OUTGOING_WINDOW = 5000
_SERIAL = 0xFFFFFFFF
_FIRST_DELIVERY = 1 << 30
"""Far from the ids clients start at: the Python client looks for our settlements among its own sends as well."""
_TRANSFER_OVERHEAD = 128
"""More than a frame header and a transfer with all fields ever take."""


class Session:
    """One session of a connection, on the same channel in both directions."""

    def __init__(self, connection: Connection, channel: int, begin: Begin) -> None:
        self.connection = connection
        self._interference = connection.container.interference
        self.channel = channel
        self.links: dict[int, AnyLink] = {}
        self._detached: set[int] = set()
        self._next_incoming_id = begin.next_outgoing_id
        self._incoming_window = _INCOMING_WINDOW
        self._next_outgoing_id = 0
        self._remote_window = begin.incoming_window
        self._next_delivery_id = _FIRST_DELIVERY
        self._unsettled: dict[int, tuple[SendingLink, bytes]] = {}
        self._waiting: deque[tuple[Transfer, bytes]] = deque()
        self.send(
            Begin(
                remote_channel=channel,
                next_outgoing_id=0,
                incoming_window=_INCOMING_WINDOW,
                outgoing_window=_OUTGOING_WINDOW,
                handle_max=HANDLE_MAX,
            )
        )

    @property
    def ready(self) -> bool:
        """Whether the peer's window, and the connection, have room for another message."""
        return self._remote_window > 0 and not self._waiting and self.connection.writable

    def send(self, performative: Performative, payload: bytes = b"", link: AnyLink | None = None) -> None:
        """Write one frame on this session's channel; ``link``: what it is about, where the frame does not say."""
        if link is None and self._interference.active:
            link = self.link_of(performative)
        self.connection.send(self.channel, performative, payload, link)

    def link_of(self, performative: Performative) -> AnyLink | None:
        """The attached link a frame is about; a range of deliveries goes by its first."""
        match performative:
            case Transfer(handle=handle) | Detach(handle=handle) | Flow(handle=int(handle)):
                return self.links.get(handle)
            case Disposition(role=True, first=first, last=last):
                for each in self._matching(first, first if last is None else last):
                    return self._unsettled[each][0]
        return None

    def handle(self, performative: Performative, payload: bytes) -> None:
        """Do what one frame of the peer says, unless something else befalls it."""
        link = fate = None
        if self._interference.active:
            link = self.link_of(performative)
            fate = self._interference.fate(performative, link)
        if fate is None or fate.carried_out:
            self._carry_out(performative, payload)
        if fate is not None:
            self._befall(fate, link)

    def _befall(self, fate: Fate, link: AnyLink | None) -> None:
        if fate.error is None:
            self.connection.cut()
        elif link is not None:
            self.detach(link, fate.error)

    def _carry_out(self, performative: Performative, payload: bytes) -> None:
        match performative:
            case Transfer():
                self._transfer(performative, payload)
            case Disposition():
                self._disposition(performative)
            case Flow():
                self._flow(performative)
            case Attach():
                self._attach(performative)
            case Detach():
                self._detach(performative)

    def credited(self) -> None:
        """Room to write came back: whoever has credit may go on."""
        self._send_waiting()
        for link in list(self.links.values()):
            if isinstance(link, SendingLink):
                link.outlet.credited()

    def dropped(self) -> None:
        """The session is over; its links are gone, and what they sent stays as unsettled as it was."""
        links, self.links = self.links, {}
        self._unsettled.clear()
        self._waiting.clear()
        for link in links.values():
            link.gone()

    def send_flow(self, handle: int | None, delivery_count: int | None, credit: int | None, *, drain: bool) -> None:
        """Tell how the session stands and, with a handle, one of its links."""
        self.send(
            Flow(
                next_incoming_id=self._next_incoming_id,
                incoming_window=self._incoming_window,
                next_outgoing_id=self._next_outgoing_id,
                outgoing_window=_OUTGOING_WINDOW,
                handle=handle,
                delivery_count=delivery_count,
                link_credit=credit,
                available=0 if handle is not None else None,
                drain=drain,
            )
        )

    def deliver(self, link: SendingLink, tag: bytes, message: bytes, *, settled: bool) -> None:
        """Send a message in as many frames as the peer's frame size asks for, as fast as its window allows."""
        fate = self._interference.delivering(link) if self._interference.active else None
        if fate is not None and not fate.carried_out:
            self._befall(fate, link)
            return
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) & _SERIAL
        if not settled:
            self._unsettled[delivery_id] = (link, tag)
        step = self.connection.frame_size - _TRANSFER_OVERHEAD
        for start in range(0, max(len(message), 1), step):
            first = start == 0
            self._waiting.append(
                (
                    Transfer(
                        handle=link.handle,
                        delivery_id=delivery_id if first else None,
                        delivery_tag=tag if first else None,
                        message_format=0 if first else None,
                        settled=settled,
                        more=start + step < len(message),
                    ),
                    message[start : start + step],
                )
            )
        self._send_waiting()
        if fate is not None:
            self.connection.cut(behind=True)

    def detach(self, link: AnyLink, error: AmqpError) -> None:
        """Close a link for good and say why, also one whose attach is not answered yet."""
        if not link.answered:
            link.answered = True
            self.send(link.reply(refused=True), link=link)
        self.links.pop(link.handle, None)
        self._forget(link)
        self._close(link.handle, error)
        link.gone()

    def accept(self, link: AnyLink) -> None:
        """Answer an attach that was postponed, and take the link."""
        link.answered = True
        self.send(link.reply())

    def _close(self, handle: int, error: AmqpError) -> None:
        self._detached.add(handle)
        self.send(Detach(handle=handle, closed=True, error=write_error(error.condition, error.description)))

    def _send_waiting(self) -> None:
        while self._waiting and self._remote_window > 0:
            transfer, payload = self._waiting.popleft()
            self._next_outgoing_id = (self._next_outgoing_id + 1) & _SERIAL
            self._remote_window -= 1
            self.send(transfer, payload)

    def _forget(self, link: Link) -> None:
        self._unsettled = {key: entry for key, entry in self._unsettled.items() if entry[0] is not link}
        self._waiting = deque(entry for entry in self._waiting if entry[0].handle != link.handle)

    def _attach(self, attach: Attach) -> None:
        if attach.handle > HANDLE_MAX:
            raise AmqpError(FRAMING_ERROR, f"the handle {attach.handle} is above {HANDLE_MAX}, which was announced")
        if attach.handle in self.links:
            raise SessionError(HANDLE_IN_USE, f"the handle {attach.handle} is attached already")
        self._detached.discard(attach.handle)
        link = SendingLink(self, attach) if attach.role else ReceivingLink(self, attach)
        try:
            self.connection.container.attach(link)
        except AmqpError as refusal:
            self.send(link.reply(refused=True))
            self._close(link.handle, refusal)
            return
        self.links[attach.handle] = link
        if link.answered:
            self.send(link.reply())
        if isinstance(link, ReceivingLink):
            link.grant()

    def _detach(self, detach: Detach) -> None:
        if detach.handle in self._detached:
            self._detached.discard(detach.handle)
            return
        link = self.links.pop(detach.handle, None)
        if link is None:
            raise SessionError(UNATTACHED_HANDLE, f"nothing is attached at the handle {detach.handle}")
        self._forget(link)
        if not link.answered:
            self.send(link.reply(refused=True))
        self.send(Detach(handle=detach.handle, closed=detach.closed))
        link.gone()

    def _flow(self, flow: Flow) -> None:
        acknowledged = flow.next_incoming_id if flow.next_incoming_id is not None else 0
        self._remote_window = max(0, flow.incoming_window + ahead(acknowledged, self._next_outgoing_id))
        self._send_waiting()
        if flow.handle is None:
            self.credited()
            if flow.echo:
                self.send_flow(None, None, None, drain=False)
            return
        link = self._link(flow.handle)
        if link is None:
            return
        try:
            link.flowed(flow)
        except LinkError as problem:
            self.detach(link, problem)

    def _transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming_id = (self._next_incoming_id + 1) & _SERIAL
        self._incoming_window -= 1
        if self._incoming_window <= _INCOMING_WINDOW // 2:
            self._incoming_window = _INCOMING_WINDOW
            self.send_flow(None, None, None, drain=False)
        link = self._link(transfer.handle)
        if isinstance(link, ReceivingLink):
            try:
                link.transferred(transfer, payload)
            except LinkError as problem:
                self.detach(link, problem)

    def _link(self, handle: int) -> AnyLink | None:
        """The link at a handle; None where we closed it and the peer has not heard of that yet."""
        link = self.links.get(handle)
        if link is None and handle not in self._detached:
            raise SessionError(UNATTACHED_HANDLE, f"nothing is attached at the handle {handle}")
        return link

    def _disposition(self, disposition: Disposition) -> None:
        if not disposition.role:
            return
        state = read_state(disposition.state)
        if not disposition.settled and (state is None or isinstance(state, Received)):
            return
        last = disposition.last if disposition.last is not None else disposition.first
        for delivery_id in self._matching(disposition.first, last):
            link, tag = entry = self._unsettled.pop(delivery_id)
            if state is None or isinstance(state, Received):
                continue
            outcome = link.settle(tag, state, answered=not disposition.settled)
            if disposition.settled:
                continue
            if outcome is None:
                # The peer was not answered: for it the delivery is as unsettled as before.
                self._unsettled[delivery_id] = entry
            else:
                answer = Disposition(role=False, first=delivery_id, settled=True, state=write_state(outcome))
                self.send(answer, link=link)

    def _matching(self, first: int, last: int) -> Iterable[int]:
        """The unsettled deliveries in a range the peer chose, which may be as wide as it likes."""
        width = (last - first) & _SERIAL
        if width == 0:
            return [first] if first in self._unsettled else []
        return [each for each in self._unsettled if (each - first) & _SERIAL <= width]
