"""Peers that talk nonsense: they lose their own connection, and nobody else notices."""

from __future__ import annotations

import asyncio
import random
import struct

from azure.servicebus import ServiceBusMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.servicebus.amqp.encode import encode
from sandbox.servicebus.amqp.frames import AMQP_HEADER, SASL_HEADER, write_frame
from sandbox.servicebus.amqp.performatives import Attach, Disposition, Flow, Open, SaslInit, Transfer
from sandbox.servicebus.amqp.states import Accepted, Rejected, State, write_state
from sandbox.servicebus.amqp.types import Int, Long, Symbol
from tests.sandbox.servicebus.conftest import Bus, receive
from tests.sandbox.servicebus.wire import (
    DISPOSITION,
    FAR_FUTURE,
    TRANSFER,
    Pipe,
    Wire,
    begin,
    message,
    receiver,
    sas_token,
    sender,
    source,
    target,
    windows,
)


def sent(handle: int, number: int, body: bytes, message_format: int = 0) -> bytes:
    fields = Transfer(handle=handle, delivery_id=number, delivery_tag=b"t", message_format=message_format)
    return write_frame(1, fields.encode() + body)


def asked(handle: int, number: int, operation: str, body: object) -> bytes:
    request = message(encode(["id"]), encode({"operation": operation}), b"\x00\x53\x77" + encode(body))
    return sent(handle, number, request)


def credited(handle: int) -> bytes:
    return write_frame(1, Flow(**windows(), handle=handle, delivery_count=0, link_credit=10).encode())


def conversation() -> list[bytes]:
    """A client that uses everything: each part is one frame, or a header."""
    token = encode(sas_token("sb://h/", "root", "key", FAR_FUTURE))
    put = encode({"operation": "put-token", "type": "jwt", "name": "sb://h/"})
    named = source("sessions", *[None] * 6, {Symbol("com.microsoft:session-filter"): "a"})
    in_session = encode(["m", *[None] * 9, "a"])
    properties = encode({"n": Long(1), "text": "x", "more": [Int(1), {"k": None}]})
    annotated = b"\x00\x53\x72" + encode({Symbol("x-opt-partition-key"): "a", Symbol("x-own"): Int(1)})
    batch = b"\x00\x53\x75" + encode(message(in_session)) + b"\x00\x53\x75" + encode(message())
    rule = {"rule-name": "r", "rule-description": {"sql-filter": {"expression": "n > 1 AND text LIKE 'x%'"}}}
    attaches = [
        receiver("$cbs", 0, target=target("me")),
        sender("$cbs", 1),
        sender("q", 2),
        sender("t", 3),
        receiver("q", 4),
        receiver("t/Subscriptions/s", 5),
        receiver("t/Subscriptions/s/$management", 6),
        sender("t/Subscriptions/s/$management", 7),
        sender("sessions", 8),
        Attach(name="s", handle=9, role=True, source=named, target=target("s"), rcv_settle_mode=1, snd_settle_mode=0),
        receiver("q/$DeadLetterQueue", 10),
    ]
    outcomes: list[State] = [Accepted(), Rejected("com.microsoft:dead-letter", "d"), Accepted()]
    return [
        SASL_HEADER,
        write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1),
        AMQP_HEADER,
        write_frame(0, Open(container_id="c").encode()),
        write_frame(1, begin().encode()),
        *(write_frame(1, each.encode()) for each in attaches[:2]),
        credited(0),
        sent(1, 0, message(encode(["id"]), put, b"\x00\x53\x77" + token)),
        *(write_frame(1, each.encode()) for each in attaches[2:]),
        *(credited(handle) for handle in (4, 5, 6, 9, 10)),
        sent(2, 1, annotated + message(in_session, properties)),
        sent(2, 2, batch, 0x80013700),
        sent(3, 3, message(in_session, properties)),
        asked(7, 4, "com.microsoft:add-rule", rule),
        asked(7, 5, "com.microsoft:peek-message", {"from-sequence-number": Long(1), "message-count": Int(9)}),
        sent(8, 6, message(in_session)),
        *(
            write_frame(1, Disposition(role=True, first=(1 << 30) + number, state=write_state(state)).encode())
            for number, state in enumerate(outcomes)
        ),
    ]


class Neighbour:
    """A well-behaved client on the same broker."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        wire.sign_in()
        wire.say(sender("other", 1), receiver("other", 2))
        wire.credit(2, 1000)
        wire.heard()
        self.number = 0

    def sends_and_receives(self) -> None:
        self.number += 1
        self.wire.send(message(), 1, self.number)
        heard = [code for code, _ in self.wire.heard()]
        assert sorted(heard) == [TRANSFER, DISPOSITION]


def talk(parts: list[bytes]) -> None:
    """Say this to a broker beside a neighbour, who must not notice; afterwards nothing is left of it."""
    wire = Wire()
    neighbour = Neighbour(wire)
    namespace, pipe = wire.namespace, Pipe()
    stranger = namespace.connect(wire.loop)
    stranger.connection_made(pipe)
    for part in parts:
        if pipe.closed:
            break
        stranger.data_received(part)
        namespace.turn()
    neighbour.sends_and_receives()
    if not pipe.closed:
        # More than the longest frame: it may be in the middle of one.
        stranger.data_received(b"\xff" * 70_000)
        namespace.turn()
        assert pipe.closed, "nonsense ends the connection"
    stranger.connection_lost(None)
    namespace.turn()
    assert list(namespace.connections) == [wire.connection]
    assert [store.path for store in namespace.dispatcher._receivers] == ["other"]
    assert not namespace.dispatcher._waiting
    neighbour.sends_and_receives()


def test_the_conversation_itself_is_understood() -> None:
    wire = Wire()
    for part in conversation():
        wire.feed(part)
    transfers = wire.heard_of(TRANSFER)
    assert not wire.pipe.closed
    assert {fields[0] for fields in transfers} == {0, 4, 5, 6, 9, 10}, "every link got something, dead letters too"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_frames_end_at_most_their_own_connection(data: st.DataObject) -> None:
    parts = conversation()
    for _ in range(data.draw(st.integers(1, 4))):
        which = data.draw(st.integers(0, len(parts) - 1))
        part = bytearray(parts[which])
        match data.draw(st.sampled_from(["change", "cut", "grow", "drop", "double", "swap"])):
            case "change" if part:
                part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(0, 255))
            case "cut":
                # The size is made to fit, so that what follows is still read as frames.
                del part[data.draw(st.integers(0, len(part))) :]
                part[:4] = struct.pack(">I", len(part)) if len(part) >= 8 else part[:4]
            case "grow":
                part += data.draw(st.binary(max_size=8))
                part[:4] = struct.pack(">I", len(part))
            case "drop":
                part.clear()
            case "double":
                part = part + part
            case "swap":
                other = data.draw(st.integers(0, len(parts) - 1))
                parts[which], parts[other] = parts[other], parts[which]
                continue
        parts[which] = bytes(part)
    talk(parts)


@settings(max_examples=50, deadline=None)
@given(st.integers(4, 18), st.lists(st.binary(max_size=80), max_size=5))
def test_random_frames_end_at_most_their_own_connection(until: int, frames: list[bytes]) -> None:
    talk(conversation()[:until] + [write_frame(1, frame) for frame in frames])


def test_random_octets_on_many_sockets_leave_no_connection_behind_and_clients_working(bus: Bus) -> None:
    chance = random.Random(7)
    parts = conversation()

    async def nonsense(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", bus.server.port)
        said = b"".join(parts[: chance.randrange(len(parts))]) if number % 2 else b""
        writer.write(said + chance.randbytes(chance.randrange(1, 3000)))
        try:
            await writer.drain()
            writer.write_eof()
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    async def scenario() -> None:
        await asyncio.gather(*(nonsense(number) for number in range(60)))

    bus.sender().send_messages(ServiceBusMessage("before"))
    assert [str(each) for each in bus.receiver().peek_messages(5)] == ["before"]
    before = len(bus.server._namespace.connections)
    asyncio.run(scenario())
    bus.sender().send_messages(ServiceBusMessage("after"))
    assert [str(each) for each in receive(bus.receiver(), 2)] == ["before", "after"]
    assert bus.settles(lambda: len(bus.server._namespace.connections) <= before)
