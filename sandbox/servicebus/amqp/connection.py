"""Connections: protocol headers, SASL, open and close, and frames to the session they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from sandbox.servicebus.amqp.container import Container, Scheduler, Timer
from sandbox.servicebus.amqp.errors import (
    CONNECTION_FORCED,
    DECODE_ERROR,
    FRAMING_ERROR,
    NOT_ALLOWED,
    RESOURCE_LIMIT_EXCEEDED,
    AmqpError,
    SessionError,
)
from sandbox.servicebus.amqp.frames import (
    AMQP_FRAME,
    AMQP_HEADER,
    EMPTY_FRAME,
    HEADER_SIZE,
    SASL_FRAME,
    SASL_HEADER,
    Frame,
    take_frame,
    write_frame,
)
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
from sandbox.servicebus.amqp.strangers import answer
from sandbox.servicebus.amqp.types import Array, Symbol

MAX_FRAME_SIZE = 65536
IDLE_TIME_OUT = 240.0
"""Seconds of silence after which a peer is taken for dead."""
_CHANNEL_MAX = 255
_MIN_FRAME_SIZE = 512
_MAX_QUEUED = 1024 * 1024
"""Octets that may wait for a flush before links stop adding to them."""


class Connection(asyncio.Protocol):
    """One peer's connection; whatever is wrong with it ends it alone, with an AMQP error."""

    def __init__(self, container: Container, scheduler: Scheduler) -> None:
        self.container = container
        self._scheduler = scheduler
        self._paused = False
        self.frame_size = _MIN_FRAME_SIZE
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._output = bytearray()
        self._closing = False
        self._said_header = False
        self._said_open = False
        self._step: Callable[[], bool] = self._sasl_header
        self._sessions: dict[int, Session] = {}
        self._ended: set[int] = set()
        self._peer_idle: float | None = None
        self._heard = 0.0
        self._heartbeat: Timer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer connected; it speaks first."""
        self._transport = cast(asyncio.Transport, transport)
        self._heard = self._scheduler.time()
        self._beat()

    def data_received(self, data: bytes) -> None:
        """Octets came in."""
        with self.container.lock:
            if self._closing:
                return
            self._heard = self._scheduler.time()
            self._buffer += data
            try:
                while not self._closing and self._step():
                    pass
            except AmqpError as problem:
                self.fail(problem)
            self.container.touched()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone; nothing is settled by that."""
        with self.container.lock:
            self._closing = True
            if self._heartbeat is not None:
                self._heartbeat.cancel()
            sessions, self._sessions = self._sessions, {}
            for session in sessions.values():
                session.dropped()
            self.container.closed(self)

    def pause_writing(self) -> None:
        """The peer reads slower than we write."""
        self._paused = True

    def resume_writing(self) -> None:
        """The peer has caught up."""
        with self.container.lock:
            self._paused = False
            self._go_on()

    @property
    def writable(self) -> bool:
        """Whether more may be queued: not while the peer reads slower than we write."""
        return not self._paused and len(self._output) < _MAX_QUEUED

    def send(self, channel: int, performative: Performative, payload: bytes = b"") -> None:
        """Queue one frame for the next flush."""
        if not self._closing:
            self._output += write_frame(channel, performative.encode() + payload)

    def flush(self) -> None:
        """Hand what was queued to the socket, and close it if that was the last word."""
        transport = self._transport
        if transport is None:
            return
        was_full = len(self._output) >= _MAX_QUEUED
        if self._output:
            transport.write(bytes(self._output))
            self._output.clear()
        if self._closing:
            transport.close()
        elif was_full and not self._paused:
            self._go_on()

    def fail(self, error: AmqpError) -> None:
        """Close the connection and say why, as far as the peer has come to understand it."""
        if self._closing:
            return
        if self._said_header:
            self._say_open()
            self.send(0, Close(error=write_error(error.condition, error.description)))
        self._closing = True

    def stop(self) -> None:
        """Close the connection because its container shuts down."""
        self.fail(AmqpError(CONNECTION_FORCED, "The Service Bus is shutting down."))
        self.flush()

    def abort(self) -> None:
        """Drop the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def _go_on(self) -> None:
        for session in list(self._sessions.values()):
            session.credited()
        self.container.touched()

    def _beat(self) -> None:
        if self._scheduler.time() - self._heard > IDLE_TIME_OUT:
            self.fail(AmqpError(RESOURCE_LIMIT_EXCEEDED, f"Nothing was heard for {IDLE_TIME_OUT:.0f} seconds."))
            self.flush()
            return
        if self._peer_idle is not None and self._said_open:
            self._output += EMPTY_FRAME
            self.flush()
        pause = IDLE_TIME_OUT / 4 if self._peer_idle is None else min(self._peer_idle / 2, IDLE_TIME_OUT / 4)
        self._heartbeat = self._scheduler.call_later(pause, self._beat)

    def _take_header(self, wanted: bytes) -> bool:
        if len(self._buffer) < HEADER_SIZE:
            return False
        header = bytes(self._buffer[:HEADER_SIZE])
        del self._buffer[:HEADER_SIZE]
        self._output += answer(header, wanted)
        if header != wanted:
            self._closing = True
        return not self._closing

    def _sasl_header(self) -> bool:
        if not self._take_header(SASL_HEADER):
            return False
        offer = SaslMechanisms(mechanisms=Array(Symbol, (Symbol("ANONYMOUS"),)))
        self._output += write_frame(0, offer.encode(), SASL_FRAME)
        self._step = self._sasl_init
        return True

    def _sasl_init(self) -> bool:
        frame = take_frame(self._buffer, _MIN_FRAME_SIZE)
        if frame is None:
            return False
        if frame.kind != SASL_FRAME:
            raise AmqpError(FRAMING_ERROR, "a SASL frame was expected")
        init, _ = read_performative(frame.body)
        if not isinstance(init, SaslInit):
            raise AmqpError(NOT_ALLOWED, "a sasl-init was expected")
        granted = init.mechanism == "ANONYMOUS"
        self._output += write_frame(0, SaslOutcome(code=0 if granted else 1).encode(), SASL_FRAME)
        self._step = self._amqp_header
        self._closing = not granted
        return granted

    def _amqp_header(self) -> bool:
        # Answered only when the client's has come: some clients stop reading at the SASL outcome.
        if not self._take_header(AMQP_HEADER):
            return False
        self._said_header = True
        self._step = self._frame
        return True

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
        frame = take_frame(self._buffer, MAX_FRAME_SIZE)
        if frame is None:
            return False
        if frame.kind != AMQP_FRAME:
            raise AmqpError(FRAMING_ERROR, "an AMQP frame was expected")
        if frame.body:
            self._dispatch(frame)
        return True

    def _dispatch(self, frame: Frame) -> None:
        performative, payload = read_performative(frame.body)
        match performative:
            case Open():
                self._opened(performative)
            case Close():
                self._say_open()
                self.send(0, Close())
                self._closing = True
            case _ if not self._said_open:
                raise AmqpError(NOT_ALLOWED, "the first frame must be an open")
            case Begin():
                self._begin(frame.channel, performative)
            case End():
                self._end(frame.channel)
            case SaslInit() | SaslMechanisms() | SaslOutcome():
                raise AmqpError(NOT_ALLOWED, "SASL is over")
            case _:
                self._to_session(frame.channel, performative, payload)

    def _opened(self, peer: Open) -> None:
        if self._said_open:
            raise AmqpError(NOT_ALLOWED, "the connection is open already")
        if peer.max_frame_size < _MIN_FRAME_SIZE:
            raise AmqpError(DECODE_ERROR, f"frames of less than {_MIN_FRAME_SIZE} octets are not AMQP")
        self.frame_size = min(peer.max_frame_size, MAX_FRAME_SIZE)
        self._say_open()
        if peer.idle_time_out:
            self._peer_idle = max(peer.idle_time_out / 1000, 0.1)
            if self._heartbeat is not None:
                self._heartbeat.cancel()
            self._beat()

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
