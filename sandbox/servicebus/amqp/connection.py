"""Connections: protocol headers, SASL, open and close, and frames to the session they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from sandbox.servicebus.amqp.container import Container, Scheduler
from sandbox.servicebus.amqp.errors import (
    CONNECTION_FORCED,
    DECODE_ERROR,
    FRAMING_ERROR,
    NOT_ALLOWED,
    AmqpError,
    SessionError,
)
from sandbox.servicebus.amqp.frames import AMQP_FRAME, EMPTY_FRAME, take_frame, write_frame
from sandbox.servicebus.amqp.handshake import MIN_FRAME_SIZE, Handshake
from sandbox.servicebus.amqp.heartbeat import IDLE_TIME_OUT, Heartbeat
from sandbox.servicebus.amqp.links import AnyLink
from sandbox.servicebus.amqp.performatives import (
    Begin,
    Close,
    End,
    Open,
    Performative,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    read_performative,
)
from sandbox.servicebus.amqp.session import Session
from sandbox.servicebus.amqp.states import write_error
from sandbox.servicebus.amqp.transit import Arrivals, Departures
from sandbox.servicebus.amqp.types import Symbol

MAX_FRAME_SIZE = 65536
_CHANNEL_MAX = 255
Arrival = tuple[int, Performative, bytes]
"""A frame that came in: its channel, what it says, and what it carries."""


class Connection(asyncio.Protocol):
    """One peer's connection; whatever is wrong with it ends it alone, with an AMQP error."""

    def __init__(self, container: Container, scheduler: Scheduler) -> None:
        self.container = container
        self._paused = False
        self.frame_size = MIN_FRAME_SIZE
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._departures = Departures(scheduler, self._has_room)
        self._arrivals: Arrivals[Arrival] = Arrivals(scheduler, self._lag, self._dispatch, self._go_on_reading)
        self._handshake = Handshake(self._departures.add)
        self._closing = self._cut = self._deaf = False
        self._said_open = self._heard_open = False
        self._sessions: dict[int, Session] = {}
        self._ended: set[int] = set()
        self._heartbeat = Heartbeat(scheduler, self._fell_silent, self._beat)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer connected; it speaks first."""
        self._transport = cast(asyncio.Transport, transport)
        self._heartbeat.start()

    def data_received(self, data: bytes) -> None:
        """Octets came in."""
        with self.container.lock:
            if self._closing:
                return
            self._heartbeat.heard()
            self._buffer += data
            self._read()
            self._reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone; nothing is settled by that."""
        with self.container.lock:
            if not self._closing:
                self._read(self._arrivals.hurry)
            self._closing = True
            self._arrivals.drop()
            self._departures.drop()
            self._heartbeat.stop()
            sessions, self._sessions = self._sessions, {}
            for session in sessions.values():
                session.dropped()
            self.container.closed(self)

    def pause_writing(self) -> None:
        """The peer reads slower than we write."""
        self._paused = True

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self._paused = False
        self._has_room()

    @property
    def writable(self) -> bool:
        """Whether more may be queued: not while the peer reads slower than we write, nor when all is said."""
        return not self._paused and not self._closing and not self._departures.full

    @property
    def links(self) -> list[AnyLink]:
        """The links of all sessions."""
        return [link for session in self._sessions.values() for link in session.links.values()]

    def send(self, channel: int, performative: Performative, payload: bytes = b"", link: AnyLink | None = None) -> None:
        """Queue one frame for the next flush; ``link``: what it is about."""
        if not self._closing:
            interference = self.container.interference
            lag = interference.lag(performative, link, incoming=False) if interference.active else 0.0
            self._departures.add(write_frame(channel, performative.encode() + payload), lag)

    def flush(self) -> None:
        """Hand what was queued to the socket, and close it if that was the last word.

        Only for the container, once what is answered was made to last: a queued answer is a promise.
        """
        if (transport := self._transport) is None:
            return
        if self._cut:
            transport.abort()
            return
        self._heard_open = self._said_open
        self._departures.flush(transport, closing=self._closing)

    def cut(self, *, behind: bool = False) -> None:
        """Drop the connection with the next flush, when what it did is safe: saying nothing more, or ``behind`` it."""
        self._closing, self._cut = True, not behind
        self._arrivals.drop()
        if self._cut:
            self._departures.drop()

    def fail(self, error: AmqpError) -> None:
        """Close the connection and say why, as far as the peer has come to understand it."""
        if self._closing:
            return
        if self._handshake.over:
            self._say_open()
            self.send(0, Close(error=write_error(error.condition, error.description)))
        self._closing = True
        self._arrivals.drop()

    def stop(self) -> None:
        """Close the connection because its container shuts down."""
        self._end_now(AmqpError(CONNECTION_FORCED, "The Service Bus is shutting down."))

    def abort(self) -> None:
        """Drop the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _has_room(self) -> None:
        if self._paused:
            return
        with self.container.lock:
            for session in list(self._sessions.values()):
                session.credited()
            self.container.touched()
            self._reading()

    def _read(self, first: Callable[[], None] | None = None) -> None:
        """Do what came in says, as far as that is complete and not held up; ``first`` with what was held up."""
        try:
            if first is not None:
                first()
            while not self._closing and (self._frame() if self._handshake.over else self._handshake.take(self._buffer)):
                pass
            self._closing = self._closing or self._handshake.failed
        except AmqpError as problem:
            self.fail(problem)
        self.container.touched()

    def _go_on_reading(self) -> None:
        """Frames that were held up are due."""
        with self.container.lock:
            if not self._closing:
                self._read(self._arrivals.go_on)
            self._reading()

    def _reading(self) -> None:
        """Read on, or leave what comes to the peer's own patience: while it reads nothing, answers only pile up."""
        wanted = not self._arrivals.full and not self._departures.piled_up(self._transport if self._paused else None)
        if self._transport is not None and wanted is self._deaf:
            self._deaf = not wanted
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()

    def _fell_silent(self) -> None:
        self._end_now(AmqpError(CONNECTION_FORCED, f"Nothing was heard for {IDLE_TIME_OUT:.0f} seconds."))

    def _end_now(self, error: AmqpError) -> None:
        """Say why, where the peer has heard our open, and close: without answers whose effects may not last yet."""
        self._departures.drop()
        if self._heard_open:
            self.fail(error)
        else:
            self.cut()
        self.flush()

    def _beat(self) -> None:
        # Past what is queued, which may have to wait for its effects to last, but not before the open.
        if self._transport is not None and self._heard_open and not self._closing:
            self._transport.write(EMPTY_FRAME)

    def _say_open(self) -> None:
        if not self._said_open:
            self._said_open = True
            self.send(
                0,
                Open(
                    container_id=self.container.name,
                    max_frame_size=MAX_FRAME_SIZE,
                    channel_max=_CHANNEL_MAX,
                    idle_time_out=int(IDLE_TIME_OUT * 1000),
                    properties={Symbol("product"): "PSA Connector sandbox"},
                ),
            )

    def _frame(self) -> bool:
        if self._arrivals.full:
            return False
        frame = take_frame(self._buffer, MAX_FRAME_SIZE)
        if frame is None:
            return False
        if frame.kind != AMQP_FRAME:
            raise AmqpError(FRAMING_ERROR, "an AMQP frame was expected")
        if frame.body:
            self._arrivals.add((frame.channel, *read_performative(frame.body)))
        return True

    def _lag(self, arrival: Arrival) -> float:
        if not self.container.interference.active:
            return 0.0
        channel, performative, _ = arrival
        session = self._sessions.get(channel)
        link = None if session is None else session.link_of(performative)
        return self.container.interference.lag(performative, link, incoming=True)

    def _dispatch(self, arrival: Arrival) -> None:
        channel, performative, payload = arrival
        match performative:
            case Open():
                self._opened(performative)
            case Close():
                self._say_open()
                self.send(0, Close())
                self._closing = True
                self._arrivals.drop()
            case _ if not self._said_open:
                raise AmqpError(NOT_ALLOWED, "the first frame must be an open")
            case Begin():
                self._begin(channel, performative)
            case End():
                self._end(channel)
            case SaslInit() | SaslMechanisms() | SaslOutcome():
                raise AmqpError(NOT_ALLOWED, "SASL is over")
            case _:
                self._to_session(channel, performative, payload)

    def _opened(self, peer: Open) -> None:
        if self._said_open:
            raise AmqpError(NOT_ALLOWED, "the connection is open already")
        if peer.max_frame_size < MIN_FRAME_SIZE:
            raise AmqpError(DECODE_ERROR, f"frames of less than {MIN_FRAME_SIZE} octets are not AMQP")
        self.frame_size = min(peer.max_frame_size, MAX_FRAME_SIZE)
        self._say_open()
        if peer.idle_time_out:
            self._heartbeat.promise(peer.idle_time_out / 1000)

    def _begin(self, channel: int, begin: Begin) -> None:
        if channel in self._sessions or channel > _CHANNEL_MAX:
            raise AmqpError(NOT_ALLOWED, f"a session cannot begin on channel {channel}")
        self._ended.discard(channel)
        self._sessions[channel] = Session(self, channel, begin)

    def _end(self, channel: int) -> None:
        session = self._sessions.pop(channel, None)
        if session is not None:
            session.dropped()
            self.send(channel, End())
        self._ended.add(channel)

    def _to_session(self, channel: int, performative: Performative, payload: bytes) -> None:
        session = self._sessions.get(channel)
        if session is None:
            # Clients detach their links after they ended the session around them.
            if channel in self._ended:
                return
            raise AmqpError(NOT_ALLOWED, f"no session has begun on channel {channel}")
        try:
            session.handle(performative, payload)
        except SessionError as problem:
            del self._sessions[channel]
            session.dropped()
            self._ended.add(channel)
            self.send(channel, End(error=write_error(problem.condition, problem.description)))
