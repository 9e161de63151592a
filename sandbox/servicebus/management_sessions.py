"""Management requests about sessions: their locks, their states, and which there are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.servicebus.amqp.errors import NOT_ALLOWED, AmqpError
from sandbox.servicebus.amqp.types import Timestamp
from sandbox.servicebus.arguments import number, text
from sandbox.servicebus.broker.sessions import Sessions
from sandbox.servicebus.broker.store import MessageStore
from sandbox.servicebus.conditions import ARGUMENT_ERROR
from sandbox.servicebus.faults import BusFaults
from sandbox.servicebus.message_faults import lose_session
from sandbox.servicebus.requests import Reply
from sandbox.servicebus.wire import timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_OF_TIME = 253402300800000
"""The year 10000: what clients name to be told of all sessions, whenever they changed."""


def session_operations(
    store: MessageStore, holder: object, now: Callable[[], datetime], faults: BusFaults
) -> dict[str, Callable[[dict[Any, Any]], Reply]]:
    """The operations by name, for the receivers of one connection."""

    def sessions() -> Sessions:
        if store.sessions is None:
            raise AmqpError(NOT_ALLOWED, f"{store.path} has no sessions.")
        store.advance(now())
        return store.sessions

    def renew(body: dict[Any, Any]) -> Reply:
        held, name = sessions(), text(body, "session-id")
        lock = held.of(name, holder)
        if faults.strike("lose_lock", store.path, "renew-session-lock"):
            lose_session(store, lock, now())
        until = held.renew(name, holder, now())
        return Reply(200, "OK", body={"expiration": timestamp(until)})

    def get_state(body: dict[Any, Any]) -> Reply:
        return Reply(200, "OK", body={"session-state": sessions().state(text(body, "session-id"), holder)})

    def set_state(body: dict[Any, Any]) -> Reply:
        state = body.get("session-state")
        if state is not None and not isinstance(state, bytes):
            raise AmqpError(ARGUMENT_ERROR, "session-state is not binary.")
        sessions().set_state(text(body, "session-id"), holder, state, now())
        return Reply(200, "OK")

    def names(body: dict[Any, Any]) -> Reply:
        sessions()
        skip, top = number(body, "skip"), number(body, "top")
        if skip < 0 or top < 0:
            raise AmqpError(ARGUMENT_ERROR, "skip and top cannot be less than 0.")
        found = store.session_ids(_since(body), now())[skip : skip + top]
        if not found:
            return Reply(204, "No sessions.")
        return Reply(200, "OK", body={"skip": body["skip"], "sessions-ids": found})

    return {
        "renew-session-lock": renew,
        "get-session-state": get_state,
        "set-session-state": set_state,
        "get-message-sessions": names,
    }


def _since(body: dict[Any, Any]) -> datetime | None:
    value = body.get("last-updated-time")
    if not isinstance(value, Timestamp):
        raise AmqpError(ARGUMENT_ERROR, "last-updated-time is not a timestamp.")
    if value >= _END_OF_TIME:
        return None
    return _EPOCH + timedelta(milliseconds=max(value, -62135596800000))
