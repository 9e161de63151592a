"""Faults of the Service Bus, on demand: what is slow, cut off, refused, not confirmed, doubled or out of order.

The same faults are planned from another process through ``sandbox.control_http``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final, TypedDict, TypeVar, Unpack

from sandbox.clock import Clock
from sandbox.faults import UNLIMITED
from sandbox.servicebus.addresses import path_of
from sandbox.servicebus.amqp.errors import AmqpError
from sandbox.servicebus.fault_points import OPERATIONS, Kind

Outcome = TypeVar("Outcome")
LONGEST_LATENCY: Final = 60_000.0
"""Milliseconds a frame can be held up at most."""
SERVER_BUSY: Final = "com.microsoft:server-busy"


class Where(TypedDict, total=False):
    """When a fault strikes; everything may be left out.

    ``entity``: a queue, a topic, ``topic/subscriptions/name``, or one of them with ``/$deadletterqueue``.
    ``operation``: one of ``fault_points.OPERATIONS``. ``times``: once, or with ``None`` always. ``probability``: by
    draws that a ``seed`` repeats. ``lasting``: no longer than so long by the sandbox's clock.
    """

    entity: str | None
    operation: str | None
    times: int | None
    probability: float
    seed: int
    lasting: timedelta | None


@dataclass(slots=True, eq=False)
class BusFault:
    """One planned fault. ``struck`` counts how often it really happened, ``left`` how often it still may."""

    kind: Kind
    entity: str | None
    operation: str | None
    left: int
    probability: float
    draws: Random
    until: datetime | None
    carried_out: bool = False
    error: AmqpError | None = None
    delay: float = 0.0
    direction: str | None = None
    struck: int = 0

    def speaks_of(self, kind: Kind, entity: str | None, operations: tuple[str, ...]) -> bool:
        """Whether it is about this, and has a turn left; what is to happen ``now`` happens at nothing else."""
        return (
            self.kind == kind
            and self.left > 0
            and self.entity in (None, entity)
            and (self.operation in operations or (self.operation is None and "now" not in operations))
        )

    def comes(self, now: datetime) -> bool:
        """Whether its time is not over, and the draw says so."""
        in_time = self.until is None or now < self.until
        return in_time and (self.probability == 1 or self.draws.random() < self.probability)


class BusFaults:
    """The faults planned for one Service Bus. Safe to use from any thread.

    Each strikes once unless told otherwise, see ``Where``. One that makes no sense is a ``ValueError``.
    ``known`` tells whether there is an entity of this path.
    """

    def __init__(self, clock: Clock, known: Callable[[str], bool]) -> None:
        self._clock = clock
        self._known = known
        self._faults: tuple[BusFault, ...] = ()
        self._lock = threading.Lock()
        self._on_plan: Callable[[], None] = lambda: None

    def on_plan(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` (from any thread) when a fault was planned: it may be one that strikes at once."""
        self._on_plan = wake

    @property
    def any(self) -> bool:
        """Whether any is planned; asked at every frame."""
        return bool(self._faults)

    @property
    def planned(self) -> list[BusFault]:
        """Every fault since the last ``forget``, also those that have struck their last."""
        return list(self._faults)

    def latency(self, milliseconds: float, *, direction: str | None = None, **where: Unpack[Where]) -> BusFault:
        """Hold each frame after the handshake up for so many real milliseconds, ``in`` (from clients), ``out`` or both
        ways; always, unless ``times`` are given. Those behind it on its connection wait for it."""
        if not 0 < milliseconds <= LONGEST_LATENCY:
            raise ValueError(f"milliseconds can't be {milliseconds}; it is above 0 and at most {LONGEST_LATENCY:.0f}.")
        if direction not in (None, "in", "out"):
            raise ValueError(f"direction can't be {direction!r}; it is in, out, or left out for both.")
        always: Where = {"times": None, **where}
        return self._plan("latency", always, delay=milliseconds / 1000, direction=direction)

    def drop_connection(self, *, carried_out: bool = False, **where: Unpack[Where]) -> BusFault:
        """Cut the connection without a word, in place of the operation or, ``carried_out``, of the answer to it.

        What is delivered leaves first.
        """
        return self._plan("drop_connection", where, carried_out=carried_out)

    def detach_link(
        self,
        *,
        condition: str = "amqp:link:detach-forced",
        description: str = "The sandbox was told to close this link.",
        **where: Unpack[Where],
    ) -> BusFault:
        """Close the link with this AMQP error, in place of the operation."""
        return self._plan("detach_link", where, error=_error(condition, description))

    def lose_lock(self, **where: Unpack[Where]) -> BusFault:
        """End the message's lock, or its session's, as if its time were over: just before it is settled or renewed, or
        just after it was delivered."""
        settlements: Where = {"operation": "settle", **where}
        return self._plan("lose_lock", settlements)

    def refuse_settlement(
        self,
        *,
        condition: str = "amqp:internal-error",
        description: str = "The sandbox was told to refuse this settlement.",
        **where: Unpack[Where],
    ) -> BusFault:
        """Answer a settlement with this AMQP error instead of carrying it out; the message stays locked."""
        return self._plan("refuse_settlement", where, error=_error(condition, description))

    def swallow_confirmation(self, *, carried_out: bool = True, **where: Unpack[Where]) -> BusFault:
        """Never answer a settlement (or, where ``operation`` says so, a send or a request), which was carried out and
        kept, or else was not; where the client waits for an answer at all."""
        settlements: Where = {"operation": "settle", **where}
        return self._plan("swallow_confirmation", settlements, carried_out=carried_out)

    def server_busy(self, **where: Unpack[Where]) -> BusFault:
        """Refuse with ``com.microsoft:server-busy``; a receiver that asks for messages loses its link by it."""
        error = AmqpError(SERVER_BUSY, "The sandbox was told to be busy. Try again in ten seconds.")
        return self._plan("server_busy", where, error=error)

    def duplicate(self, **where: Unpack[Where]) -> BusFault:
        """Take a message in twice, past duplicate detection: two messages with one id."""
        return self._plan("duplicate", where)

    def reorder(self, **where: Unpack[Where]) -> BusFault:
        """Deliver the second message in line before the first, also within a session."""
        return self._plan("reorder", where)

    def forget(self) -> None:
        """Strike no more."""
        with self._lock:
            faults, self._faults = self._faults, ()
            for fault in faults:
                fault.left = 0

    # what the bus calls

    def looms(self, kind: Kind, entity: str, *operations: str) -> bool:
        """Whether a fault of this kind may strike here; nothing is drawn for it."""
        return any(fault.speaks_of(kind, entity.lower(), operations) for fault in self._faults)

    def strike(
        self, kind: Kind, entity: str | None, *operations: str, where: Callable[[BusFault], bool] | None = None
    ) -> BusFault | None:
        """The fault of this kind that happens here and now, if any; it counts as struck.

        ``operations``: what goes on, by its narrower and its wider name; nothing where it is no operation of a link.
        """
        if not self._faults:
            return None
        path = None if entity is None else entity.lower()
        with self._lock:
            now = self._clock.now()
            for fault in self._faults:
                if fault.speaks_of(kind, path, operations) and (where is None or where(fault)) and fault.comes(now):
                    fault.left -= 1
                    fault.struck += 1
                    return fault
        return None

    def refuse(self, kind: Kind, entity: str, *operations: str) -> None:
        """Raise the error this is to be refused with, if any."""
        fault = self.strike(kind, entity, *operations)
        if fault is not None and fault.error is not None:
            raise fault.error

    def answer(self, entity: str, operations: tuple[str, ...], carry_out: Callable[[], Outcome]) -> Outcome | None:
        """Carry something out; ``None`` where nobody is to hear of it. What fails is not swallowed."""
        if not self._faults:
            return carry_out()
        if self.strike("swallow_confirmation", entity, *operations, where=lambda fault: not fault.carried_out):
            return None
        outcome = carry_out()
        swallowed = self.strike("swallow_confirmation", entity, *operations, where=lambda fault: fault.carried_out)
        return None if swallowed else outcome

    def _plan(self, kind: Kind, where: Where, **more: Any) -> BusFault:
        entity, operation, times = where.get("entity"), where.get("operation"), where.get("times", 1)
        probability, lasting = where.get("probability", 1.0), where.get("lasting")
        path = None if entity is None else path_of(entity)
        if path is not None and not self._known(path):
            raise ValueError(f"there is no queue, topic or subscription {entity!r}.")
        if operation is not None and operation not in OPERATIONS[kind]:
            raise ValueError(f"operation can't be {operation!r}; it is one of {', '.join(sorted(OPERATIONS[kind]))}.")
        if not 0 < probability <= 1:
            raise ValueError(f"probability can't be {probability}; it is above 0 and at most 1.")
        left = UNLIMITED if times is None else times
        until = None if lasting is None else self._clock.now() + lasting
        draws = Random(where.get("seed", 0))  # noqa: S311
        fault = BusFault(kind, path, operation, left, probability, draws, until, **more)
        with self._lock:
            self._faults = (*self._faults, fault)
        self._on_plan()
        return fault


def _error(condition: str, description: str) -> AmqpError:
    if not condition or not condition.isascii() or not condition.isprintable():
        raise ValueError(f"condition can't be {condition!r}; an AMQP error's name is printable ASCII.")
    return AmqpError(condition, description)
