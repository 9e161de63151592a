"""How a connection begins: AMQP's header, SASL in between, and AMQP's header again, the peer first each time."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.servicebus.amqp.errors import FRAMING_ERROR, NOT_ALLOWED, AmqpError
from sandbox.servicebus.amqp.frames import AMQP_HEADER, HEADER_SIZE, SASL_FRAME, SASL_HEADER, take_frame, write_frame
from sandbox.servicebus.amqp.performatives import SaslInit, SaslMechanisms, SaslOutcome, read_performative
from sandbox.servicebus.amqp.strangers import answer
from sandbox.servicebus.amqp.types import Array, Symbol

MIN_FRAME_SIZE = 512
"""What every peer can take, and the most it may send before sizes are agreed on."""


class Handshake:
    """Says with ``say`` what is to be said; ``over`` when frames may come, ``failed`` when the peer differs."""

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self.over = False
        self.failed = False
        self._say = say
        self._step: Callable[[bytearray], bool] = self._sasl_header

    def take(self, buffer: bytearray) -> bool:
        """Take the next step off the buffer; false where it lacks octets, or the peer failed."""
        return self._step(buffer)

    def _header(self, buffer: bytearray, wanted: bytes) -> bool:
        if len(buffer) < HEADER_SIZE:
            return False
        header = bytes(buffer[:HEADER_SIZE])
        del buffer[:HEADER_SIZE]
        self._say(answer(header, wanted))
        self.failed = header != wanted
        return not self.failed

    def _sasl_header(self, buffer: bytearray) -> bool:
        if not self._header(buffer, SASL_HEADER):
            return False
        offer = SaslMechanisms(mechanisms=Array(Symbol, (Symbol("ANONYMOUS"),)))
        self._say(write_frame(0, offer.encode(), SASL_FRAME))
        self._step = self._sasl_init
        return True

    def _sasl_init(self, buffer: bytearray) -> bool:
        frame = take_frame(buffer, MIN_FRAME_SIZE)
        if frame is None:
            return False
        if frame.kind != SASL_FRAME:
            raise AmqpError(FRAMING_ERROR, "a SASL frame was expected")
        init, _ = read_performative(frame.body)
        if not isinstance(init, SaslInit):
            raise AmqpError(NOT_ALLOWED, "a sasl-init was expected")
        granted = init.mechanism == "ANONYMOUS"
        self._say(write_frame(0, SaslOutcome(code=0 if granted else 1).encode(), SASL_FRAME))
        self._step = self._amqp_header
        self.failed = not granted
        return granted

    def _amqp_header(self, buffer: bytearray) -> bool:
        # Answered only when the client's has come: some clients stop reading at the SASL outcome.
        self.over = self._header(buffer, AMQP_HEADER)
        return self.over
