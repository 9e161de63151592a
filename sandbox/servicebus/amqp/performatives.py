"""The performatives of AMQP 1.0: what a frame says. Written with every field, as clients read by position."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from sandbox.servicebus.amqp.decode import decode
from sandbox.servicebus.amqp.encode import encode
from sandbox.servicebus.amqp.errors import DECODE_ERROR, AmqpError
from sandbox.servicebus.amqp.types import Described, Symbol, UByte, UInt, ULong, UShort

Anything = object


@dataclass(slots=True, kw_only=True)
class Performative:
    """One kind of frame body; each field names its AMQP type, and those without a default are mandatory."""

    CODE: ClassVar[int]
    KINDS: ClassVar[tuple[type, ...]]

    def encode(self) -> bytes:
        """The described list, every field present."""
        items = [
            value if value is None or kind not in _NUMBERS else kind(value)
            for kind, value in zip(self.KINDS, self.values(), strict=True)
        ]
        return bytes((0x00, 0x53, self.CODE)) + encode(items)

    def values(self) -> list[Any]:
        """The fields in wire order."""
        return [getattr(self, name) for name in _names(type(self))]


_NUMBERS = frozenset({UByte, UShort, UInt, ULong, Symbol})
_FIELD_NAMES: dict[type, tuple[str, ...]] = {}


def _names(kind: type[Performative]) -> tuple[str, ...]:
    names = _FIELD_NAMES.get(kind)
    if names is None:
        names = _FIELD_NAMES[kind] = tuple(each.name for each in fields(kind))
    return names


@dataclass(slots=True, kw_only=True)
class Open(Performative):
    """Opens a connection."""

    CODE = 0x10
    KINDS = (str, str, UInt, UShort, UInt, Anything, Anything, Anything, Anything, dict)

    container_id: str
    hostname: str | None = None
    max_frame_size: int = 0xFFFFFFFF
    channel_max: int = 0xFFFF
    idle_time_out: int | None = None
    outgoing_locales: Any = None
    incoming_locales: Any = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Any, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Begin(Performative):
    """Begins a session."""

    CODE = 0x11
    KINDS = (UShort, UInt, UInt, UInt, UInt, Anything, Anything, dict)

    remote_channel: int | None = None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int
    handle_max: int = 0xFFFFFFFF
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Any, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Attach(Performative):
    """Attaches a link; ``role`` is true where the one who wrote it receives."""

    CODE = 0x12
    KINDS = (
        *(str, UInt, bool, UByte, UByte, Described, Described),
        *(dict, bool, UInt, ULong, Anything, Anything, dict),
    )

    name: str
    handle: int
    role: bool
    snd_settle_mode: int = 2
    rcv_settle_mode: int = 0
    source: Described | None = None
    target: Described | None = None
    unsettled: dict[Any, Any] | None = None
    incomplete_unsettled: bool = False
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Any, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Flow(Performative):
    """Tells the state of a session's windows and, with a handle, of a link's credit."""

    CODE = 0x13
    KINDS = (UInt, UInt, UInt, UInt, UInt, UInt, UInt, UInt, bool, bool, dict)

    next_incoming_id: int | None = None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool = False
    echo: bool = False
    properties: dict[Any, Any] | None = None


@dataclass(slots=True, kw_only=True)
class Transfer(Performative):
    """Carries a message or a part of one, which follows it in the frame."""

    CODE = 0x14
    KINDS = (UInt, UInt, bytes, UInt, bool, bool, UByte, Anything, bool, bool, bool)

    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool = False
    more: bool = False
    rcv_settle_mode: int | None = None
    state: Any = None
    resume: bool = False
    aborted: bool = False
    batchable: bool = False


@dataclass(slots=True, kw_only=True)
class Disposition(Performative):
    """Tells what became of the deliveries ``first`` to ``last``; ``role`` is true where their receiver wrote it."""

    CODE = 0x15
    KINDS = (bool, UInt, UInt, bool, Anything, bool)

    role: bool
    first: int
    last: int | None = None
    settled: bool = False
    state: Any = None
    batchable: bool = False


@dataclass(slots=True, kw_only=True)
class Detach(Performative):
    """Detaches a link; ``closed`` means for good."""

    CODE = 0x16
    KINDS = (UInt, bool, Anything)

    handle: int
    closed: bool = False
    error: Any = None


@dataclass(slots=True, kw_only=True)
class End(Performative):
    """Ends a session."""

    CODE = 0x17
    KINDS = (Anything,)

    error: Any = None


@dataclass(slots=True, kw_only=True)
class Close(Performative):
    """Closes a connection."""

    CODE = 0x18
    KINDS = (Anything,)

    error: Any = None


@dataclass(slots=True, kw_only=True)
class SaslMechanisms(Performative):
    """The ways of signing in that are on offer."""

    CODE = 0x40
    KINDS = (Anything,)

    mechanisms: Any


@dataclass(slots=True, kw_only=True)
class SaslInit(Performative):
    """The way of signing in that the client chose."""

    CODE = 0x41
    KINDS = (Symbol, bytes, str)

    mechanism: str
    initial_response: bytes | None = None
    hostname: str | None = None


@dataclass(slots=True, kw_only=True)
class SaslOutcome(Performative):
    """Whether signing in succeeded: 0 is yes, 1 is no."""

    CODE = 0x44
    KINDS = (UByte, bytes)

    code: int
    additional_data: bytes | None = None


_BY_CODE: dict[int, type[Performative]] = {
    kind.CODE: kind
    for kind in (
        *(Open, Begin, Attach, Flow, Transfer, Disposition, Detach, End, Close),
        *(SaslMechanisms, SaslInit, SaslOutcome),
    )
}
_BY_NAME: dict[str, type[Performative]] = {
    f"amqp:{name}:list": kind
    for name, kind in (
        *(("open", Open), ("begin", Begin), ("attach", Attach), ("flow", Flow), ("transfer", Transfer)),
        *(("disposition", Disposition), ("detach", Detach), ("end", End), ("close", Close)),
        *(("sasl-mechanisms", SaslMechanisms), ("sasl-init", SaslInit), ("sasl-outcome", SaslOutcome)),
    )
}


def read_performative(body: bytes) -> tuple[Performative, bytes]:
    """The performative at the start of a frame's body, and the payload after it."""
    value, end = decode(body)
    if not isinstance(value, Described) or not isinstance(value.value, list):
        raise AmqpError(DECODE_ERROR, "a frame does not start with a performative")
    descriptor = value.descriptor
    kind = _BY_NAME.get(descriptor) if isinstance(descriptor, str) else None
    if kind is None and isinstance(descriptor, int):
        kind = _BY_CODE.get(descriptor)
    if kind is None:
        raise AmqpError(DECODE_ERROR, f"{descriptor!r} is not a performative")
    return _build(kind, value.value), body[end:]


def _build(kind: type[Performative], values: list[Any]) -> Performative:
    names = _names(kind)
    if len(values) > len(names):
        raise AmqpError(DECODE_ERROR, f"{kind.__name__.lower()} has {len(names)} fields, not {len(values)}")
    given: dict[str, Any] = {}
    for name, wanted, value in zip(names, kind.KINDS, values, strict=False):
        if value is None:
            continue
        if wanted is not Anything and type(value) is not wanted:
            raise AmqpError(DECODE_ERROR, f"{kind.__name__.lower()}.{name} cannot be {value!r}")
        given[name] = value
    try:
        return kind(**given)
    except TypeError as problem:
        raise AmqpError(DECODE_ERROR, f"a mandatory field of {kind.__name__.lower()} is missing") from problem
