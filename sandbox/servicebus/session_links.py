"""Receivers of sessions: what they ask for in their attach, and how they are given one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.servicebus.amqp.errors import INVALID_FIELD, NOT_IMPLEMENTED, AmqpError
from sandbox.servicebus.amqp.links import SendingLink, terminus_fields
from sandbox.servicebus.amqp.types import Described, Long, Symbol, ULong
from sandbox.servicebus.broker.errors import BrokerError
from sandbox.servicebus.broker.sessions import SessionLock
from sandbox.servicebus.broker.store import MessageStore
from sandbox.servicebus.conditions import as_amqp
from sandbox.servicebus.dispatcher import Dispatcher
from sandbox.servicebus.queue_links import QueueOutlet

_FILTER = 7
_SESSION_FILTER = "com.microsoft:session-filter"
_TIMEOUT = "com.microsoft:timeout"
_LOCKED_UNTIL = "com.microsoft:locked-until-utc"
_SOURCE = ULong(0x28)
_DEFAULT_WAIT = timedelta(seconds=65)
_LONGEST_WAIT = timedelta(days=1)
_DAY_ONE = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AskedSession:
    """Which session, or None for whichever is free; and the filter's own descriptor, if it had one."""

    session_id: str | None
    descriptor: Any = None


def asked_session(source: Sequence[object]) -> AskedSession | None:
    """The session a receiver's source asks for; None where it asks for none."""
    filters = source[_FILTER] if len(source) > _FILTER else None
    if not filters:
        return None
    if not isinstance(filters, dict) or _SESSION_FILTER not in filters or len(filters) > 1:
        raise AmqpError(NOT_IMPLEMENTED, "The sandbox supports no filters on a receiver but that for a session.")
    asked, descriptor = filters[_SESSION_FILTER], None
    if isinstance(asked, Described):
        asked, descriptor = asked.value, asked.descriptor
    if asked is not None and not isinstance(asked, str):
        raise AmqpError(INVALID_FIELD, "The session filter is not a text.")
    return AskedSession(asked, descriptor)


def attach_session(
    link: SendingLink, store: MessageStore, asked: AskedSession, dispatcher: Dispatcher, now: Callable[[], datetime]
) -> None:
    """Give the receiver its session now, or leave its attach unanswered until one is free."""

    def grant(lock: SessionLock) -> None:
        outlet = QueueOutlet(link, store, dispatcher, now, lock)
        link.outlet = outlet
        dispatcher.add(outlet)
        link.granted_source = _granted(link, asked, lock)
        link.properties[Symbol(_LOCKED_UNTIL)] = Long(_ticks(lock.locked_until))
        if not link.answered:
            link.session.accept(link)

    try:
        lock = store.accept_session(asked.session_id, link.session.connection, now())
    except BrokerError as refusal:
        raise as_amqp(refusal) from refusal
    if lock is not None:
        grant(lock)
        return
    link.postpone()
    dispatcher.wait(link, store, now() + _wait(link), grant)


def _wait(link: SendingLink) -> timedelta:
    """How long the receiver waits for a session; it must hear from us before it gives up by itself."""
    wanted = (link.attach.properties or {}).get(_TIMEOUT)
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted < 0:
        return _DEFAULT_WAIT
    return min(timedelta(milliseconds=wanted), _LONGEST_WAIT)


def _granted(link: SendingLink, asked: AskedSession, lock: SessionLock) -> Described:
    fields = terminus_fields(link.source)
    value = lock.session_id if asked.descriptor is None else Described(asked.descriptor, lock.session_id)
    fields[_FILTER] = {Symbol(_SESSION_FILTER): value}
    return Described(_SOURCE, fields)


def _ticks(moment: datetime) -> int:
    """Tenths of a microsecond since the year 1, as .NET counts."""
    return (moment - _DAY_ONE) // timedelta(microseconds=1) * 10
