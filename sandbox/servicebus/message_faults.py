"""Planned faults brought to messages: locks that are lost, settlements that are refused, and twins."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from sandbox.servicebus.amqp.states import Modified, Rejected, Released, State
from sandbox.servicebus.broker.message import Draft
from sandbox.servicebus.broker.sessions import SessionLock
from sandbox.servicebus.broker.store import MessageStore
from sandbox.servicebus.faults import BusFaults


def settlement(state: State) -> str:
    """The name of what a receiver decided about a message."""
    match state:
        case Modified(undeliverable_here=True):
            return "defer"
        case Modified():
            return "abandon"
        case Rejected():
            return "dead-letter"
        case Released():
            return "release"
        case _:
            return "complete"


def before_settling(
    faults: BusFaults,
    store: MessageStore,
    token: UUID,
    session: SessionLock | None,
    now: datetime,
    operations: tuple[str, ...],
    *,
    answered: bool = True,
) -> None:
    """Lose the lock, or raise the ``AmqpError`` that refuses the settlement, if that is planned.

    A refusal needs somebody who waits for an answer.
    """
    if store.holds(token, now) and faults.strike("lose_lock", store.path, *operations):
        lose_lock(store, token, session, now)
    if not answered:
        return
    faults.refuse("server_busy", store.path, *operations)
    faults.refuse("refuse_settlement", store.path, *operations)


def lose_lock(store: MessageStore, token: UUID, session: SessionLock | None, now: datetime) -> None:
    """End a lock before its time: back in line, one delivery older; in a session with all that it has locked."""
    if session is None:
        store.abandon(token, now)
    else:
        lose_session(store, session, now)


def lose_session(store: MessageStore, session: SessionLock, now: datetime) -> None:
    """End a session's lock before its time, and with it those of its messages."""
    for token in list(session.tokens):
        store.abandon(token, now)
    store.release_session(session, now)


def twin(draft: Draft) -> Draft:
    """The same message once more, under an id that only duplicate detection sees: receivers read the first one's."""
    return replace(draft, message_id=uuid4().hex)
