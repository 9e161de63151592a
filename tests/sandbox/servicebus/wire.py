"""A client without a socket: speaks in hand-made frames, and reads the answers with the SDK's decoder."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.servicebus._pyamqp import _decode, utils

from sandbox.clock import Clock
from sandbox.servicebus import QueueSettings, SharedKey, SubscriptionSettings, TopicSettings
from sandbox.servicebus.amqp.encode import encode
from sandbox.servicebus.amqp.frames import AMQP_HEADER, SASL_HEADER, write_frame
from sandbox.servicebus.amqp.performatives import (
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Open,
    Performative,
    SaslInit,
    Transfer,
)
from sandbox.servicebus.amqp.states import State, write_state
from sandbox.servicebus.amqp.types import Described, ULong
from sandbox.servicebus.broker.broker import Broker
from sandbox.servicebus.broker.queue import Queue
from sandbox.servicebus.message_properties import MessageProperties
from sandbox.servicebus.namespace import Namespace
from sandbox.servicebus.storage import MemoryStorage

FAR_FUTURE = 4_000_000_000
OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)


@dataclass
class Later:
    """A callback the fake loop has in store."""

    due: float
    callback: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.later: list[Later] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Callable[[], object]) -> Later:
        later = Later(self.now + delay, callback)
        self.later.append(later)
        return later

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [each for each in self.later if not each.cancelled and each.due <= end]:
            first = min(due, key=lambda each: each.due)
            self.later.remove(first)
            self.now = first.due
            first.callback()
        self.now = end


class Pipe(asyncio.Transport):
    """Collects what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        assert not self.closed, "nothing is written after the close"
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


class Wire:
    """One connection to a namespace with some queues (``front`` forwards to ``q``) and the topic ``t``."""

    def __init__(self, max_delivery_count: int = 100) -> None:
        self.loop = FakeLoop()
        self.clock = Clock()
        queues = [
            QueueSettings("q", max_delivery_count=max_delivery_count),
            QueueSettings("other"),
            QueueSettings("sessions", requires_session=True),
            QueueSettings("front", forward_to="q"),
        ]
        topics = [TopicSettings("t", (SubscriptionSettings("s"),))]
        self.broker = Broker(queues, MemoryStorage(), topics, MessageProperties())
        self.namespace = Namespace(self.broker, [SharedKey("root", "key")], self.clock, lambda: None)
        self.pipe = Pipe()
        self.connection = self.namespace.connect(self.loop)
        self.connection.connection_made(self.pipe)

    @property
    def queue(self) -> Queue:
        queue = self.broker.find("q")
        assert isinstance(queue, Queue)
        return queue

    def counts(self) -> tuple[int, int]:
        """Active and locked."""
        counts = self.queue.counts(self.clock.now())
        return counts.active, counts.locked

    # --- saying ---------------------------------------------------------------------------------------------------

    def feed(self, *parts: bytes) -> None:
        """Octets arrive; afterwards the server takes a turn."""
        for part in parts:
            self.connection.data_received(part)
        self.namespace.turn()

    def say(self, *performatives: Performative, channel: int = 1, payload: bytes = b"") -> None:
        self.feed(*(write_frame(channel, each.encode() + payload) for each in performatives))

    def sign_in(self, max_frame_size: int = 65536, idle: int | None = None, window: int = 1000) -> None:
        """Everything up to a session with a token for all queues, as a client that waits for nothing."""
        self.feed(SASL_HEADER, write_frame(0, SaslInit(mechanism="ANONYMOUS").encode(), 1), AMQP_HEADER)
        self.feed(
            write_frame(
                0, Open(container_id="test", hostname="h", max_frame_size=max_frame_size, idle_time_out=idle).encode()
            ),
            write_frame(1, begin(window).encode()),
        )
        self.request("$cbs", "sb://h/", handle=100)
        self.heard()

    def request(self, node: str, audience: str, handle: int) -> None:
        """Show a token."""
        token = sas_token("sb://h/", "root", "key", FAR_FUTURE)
        self.say(receiver(node, handle, target=None), sender(node, handle + 1))
        self.say(Flow(**windows(), handle=handle, delivery_count=0, link_credit=10))
        properties = encode({"operation": "put-token", "type": "jwt", "name": audience})
        body = message(encode([b"id-1"]), properties, b"\x00\x53\x77" + encode(token))
        self.say(
            Transfer(handle=handle + 1, delivery_id=0, delivery_tag=b"t", message_format=0, settled=True), payload=body
        )

    def send(self, body: bytes, handle: int, delivery_id: int = 0, **fields: Any) -> None:
        """One message in one transfer."""
        transfer = Transfer(
            **{"handle": handle, "delivery_id": delivery_id, "delivery_tag": b"t", "message_format": 0, **fields}
        )
        self.say(transfer, payload=body)

    def sign_out_of(self, *handles: int) -> None:
        """Detach links."""
        self.say(*(Detach(handle=handle, closed=True) for handle in handles))
        self.heard()

    def settle(self, first: int, state: State, *, settled: bool = False, last: int | None = None) -> None:
        self.say(Disposition(role=True, first=first, last=last, settled=settled, state=write_state(state)))

    def credit(self, handle: int, credit: int, *, delivery_count: int = 0, drain: bool = False) -> None:
        self.say(Flow(**windows(), handle=handle, delivery_count=delivery_count, link_credit=credit, drain=drain))

    # --- hearing --------------------------------------------------------------------------------------------------

    def octets(self) -> bytes:
        """Everything said since the last time."""
        written = bytes(self.pipe.written)
        self.pipe.written.clear()
        return written

    def heard(self) -> list[tuple[int, list[Any]]]:
        """Every frame since the last time, as the SDK decodes it; heartbeats left out."""
        octets, found = self.octets(), []
        while octets:
            if octets[:4] == b"AMQP":
                octets = octets[8:]
                continue
            size = struct.unpack(">I", octets[:4])[0]
            if size > 8:
                found.append(_decode.decode_frame(memoryview(octets[8:size])))
            octets = octets[size:]
        return found

    def heard_of(self, kind: int) -> list[list[Any]]:
        """The frames of one kind."""
        return [fields for code, fields in self.heard() if code == kind]


def sas_token(resource: str, name: str, key: str, expiry: int) -> str:
    """A shared access signature as the SDK makes it."""
    make: Callable[[str, str, str, int], str] = utils.generate_sas_token
    return make(resource, name, key, expiry)


def windows() -> dict[str, Any]:
    return {"next_incoming_id": 0, "incoming_window": 1000, "next_outgoing_id": 0, "outgoing_window": 1000}


def begin(window: int = 1000) -> Begin:
    return Begin(next_outgoing_id=0, incoming_window=window, outgoing_window=1000)


def source(address: str | None, *more: Any) -> Described:
    return Described(ULong(0x28), [address, *more])


def target(address: str | None) -> Described:
    return Described(ULong(0x29), [address])


_SAME: Any = object()


def receiver(address: str, handle: int, *, settled: bool = False, target: Any = _SAME) -> Attach:
    """A link the client receives on."""
    return Attach(
        name=f"r-{handle}",
        handle=handle,
        role=True,
        snd_settle_mode=1 if settled else 0,
        rcv_settle_mode=0 if settled else 1,
        source=source(address),
        target=Described(ULong(0x29), [address]) if target is _SAME else target,
    )


def sender(address: str, handle: int) -> Attach:
    """A link the client sends on."""
    return Attach(
        name=f"s-{handle}",
        handle=handle,
        role=False,
        source=source("me"),
        target=target(address),
        initial_delivery_count=0,
    )


def message(properties: bytes | None = None, application: bytes | None = None, body: bytes | None = None) -> bytes:
    """An encoded message of encoded parts."""
    return b"".join(
        (
            b"" if properties is None else b"\x00\x53\x73" + properties,
            b"" if application is None else b"\x00\x53\x74" + application,
            b"\x00\x53\x75" + encode(b"body") if body is None else body,
        )
    )


def with_messages(wire: Wire, *bodies: bytes) -> None:
    """Fill the queue, and listen to it on handle 1 without credit."""
    wire.say(sender("q", 2))
    for number, body in enumerate(bodies):
        wire.send(message(body=b"\x00\x53\x75\xb0" + struct.pack(">I", len(body)) + body), 2, number)
    wire.say(receiver("amqps://localhost:1/Q", 1))
    wire.heard()
