"""Requests and replies over a pair of links, the way ``$cbs`` and ``$management`` are spoken to."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandbox.servicebus.amqp.decode import decode
from sandbox.servicebus.amqp.encode import encode, encode_list
from sandbox.servicebus.amqp.errors import DECODE_ERROR, NOT_ALLOWED, AmqpError
from sandbox.servicebus.amqp.links import ReceivingLink, SendingLink, terminus_fields
from sandbox.servicebus.amqp.sections import APPLICATION_PROPERTIES, DATA, PROPERTIES, VALUE, raw_items, sections
from sandbox.servicebus.amqp.states import Accepted, State
from sandbox.servicebus.amqp.types import Int, Symbol

_NULL = b"\x40"
_PROPERTIES = 13
_MAX_WAITING = 1000
_MAX_WAITING_OCTETS = 8 * 1024 * 1024
"""Replies kept for a peer that gives no credit for them, and their size."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: the operation, the other application properties, and the body's value."""

    operation: str
    properties: dict[Any, Any]
    body: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: a status as in HTTP, an error condition where it failed, and the body's value."""

    status: int
    description: str = ""
    condition: str | None = None
    body: Any = field(default_factory=dict)


class Service(Protocol):
    """What stands behind a request-reply node."""

    status_field: str
    description_field: str
    longest_request: int
    """Bytes of one request."""

    def answer(self, request: Request) -> Reply | None:
        """Carry out one request; None is no answer."""


class ReplyOutlet:
    """The link replies leave on, as fast as the peer gives credit."""

    def __init__(self, link: SendingLink, node: str) -> None:
        self.node = node
        fields = terminus_fields(link.target)
        self.address = fields[0] if fields else None
        self._link = link
        self._waiting: deque[bytes] = deque()
        self._octets = 0
        self._tag = 0

    @property
    def full(self) -> bool:
        """Whether so many replies wait that no further request is taken."""
        return len(self._waiting) >= _MAX_WAITING or self._octets >= _MAX_WAITING_OCTETS

    def put(self, message: bytes) -> None:
        """Send a reply now or when credit comes."""
        self._waiting.append(message)
        self._octets += len(message)
        self.credited()

    def credited(self) -> None:
        """Send what waits."""
        while self._waiting and self._link.ready:
            self._tag += 1
            message = self._waiting.popleft()
            self._octets -= len(message)
            self._link.send(self._tag.to_bytes(8, "big"), message, settled=True)
        self._link.drained()

    def settled(self, tag: bytes, state: State, *, answered: bool) -> State:
        """Replies are settled when they leave; nothing more comes of them."""
        return Accepted()

    def detached(self) -> None:
        """Nobody is left to reply to."""
        self._waiting.clear()


class RequestInlet:
    """The link requests come in on."""

    surplus = 0

    def __init__(self, link: ReceivingLink, node: str, service: Service) -> None:
        self._link = link
        self._node = node
        self._service = service
        link.max_message_size = service.longest_request

    def arrived(self, message: bytes, message_format: int, *, answered: bool) -> State:
        """Answer one request on the same session's reply link."""
        request, message_id, reply_to = _read(message)
        outlet = self._outlet(reply_to)
        if outlet.full:
            raise AmqpError(NOT_ALLOWED, "Too many replies are waiting for credit.")
        reply = self._service.answer(request)
        if reply is not None:
            outlet.put(_write(reply, message_id, self._service))
        return Accepted()

    def detached(self) -> None:
        """Nothing is kept between requests."""

    def _outlet(self, reply_to: str | None) -> ReplyOutlet:
        """The reply link: found by session and node, as some clients name no reply address of their own."""
        outlets = [
            link.outlet
            for link in self._link.session.links.values()
            if isinstance(link, SendingLink) and isinstance(link.outlet, ReplyOutlet) and link.outlet.node == self._node
        ]
        if not outlets:
            raise AmqpError(NOT_ALLOWED, f"No link of this session takes replies from {self._node}.")
        return next((each for each in outlets if each.address == reply_to), outlets[0])


def _read(message: bytes) -> tuple[Request, bytes, str | None]:
    message_id, reply_to = _NULL, None
    properties: dict[Any, Any] = {}
    body: Any = None
    for section in sections(message):
        if section.code == PROPERTIES:
            items = [*raw_items(message, section.value), *[_NULL] * 5]
            message_id, reply_to = items[0], decode(items[4])[0]
        elif section.code == APPLICATION_PROPERTIES:
            properties, _ = decode(message, section.value)
        elif section.code in (VALUE, DATA):
            body, _ = decode(message, section.value)
    if not isinstance(properties, dict) or not isinstance(properties.get("operation"), str):
        raise AmqpError(DECODE_ERROR, "a request names no operation")
    return Request(str(properties["operation"]), properties, body), message_id, reply_to


def _write(reply: Reply, message_id: bytes, service: Service) -> bytes:
    # The correlation-id is the request's message-id octet for octet: clients compare it with its type.
    fields = b"".join((*[_NULL] * 5, message_id, *[_NULL] * (_PROPERTIES - 6)))
    status: dict[Any, Any] = {
        service.status_field: Int(reply.status),
        service.description_field: reply.description,
    }
    if reply.condition is not None:
        status["errorCondition"] = Symbol(reply.condition)
    return b"".join(
        (
            b"\x00\x53\x73" + encode_list(fields, _PROPERTIES),
            b"\x00\x53\x74" + encode(status),
            b"\x00\x53\x77" + encode(reply.body),
        )
    )
