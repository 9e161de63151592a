"""``$management``: what clients ask of an entity beside sending and receiving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sandbox.servicebus.amqp.errors import (
    NOT_ALLOWED,
    NOT_FOUND,
    NOT_IMPLEMENTED,
    UNAUTHORIZED_ACCESS,
    AmqpError,
)
from sandbox.servicebus.amqp.types import Array, Long, Timestamp
from sandbox.servicebus.arguments import items, number, numbers, uuids
from sandbox.servicebus.broker.errors import BrokerError, LockLost, SessionLockLost
from sandbox.servicebus.broker.message import Message
from sandbox.servicebus.broker.queue import Queue
from sandbox.servicebus.broker.sessions import SessionLock
from sandbox.servicebus.broker.store import MessageStore
from sandbox.servicebus.broker.topic import Subscription, Topic
from sandbox.servicebus.conditions import (
    ARGUMENT_ERROR,
    ENTITY_ALREADY_EXISTS,
    MESSAGE_LOCK_LOST,
    MESSAGE_NOT_FOUND,
    SESSION_LOCK_LOST,
    as_amqp,
)
from sandbox.servicebus.faults import SERVER_BUSY, BusFaults
from sandbox.servicebus.management_rules import rule_operations
from sandbox.servicebus.management_sessions import session_operations
from sandbox.servicebus.message_faults import before_settling, lose_lock, twin
from sandbox.servicebus.message_properties import revision
from sandbox.servicebus.queue_links import MAX_MESSAGE_SIZE
from sandbox.servicebus.requests import Reply, Request
from sandbox.servicebus.sas import LISTEN, SEND
from sandbox.servicebus.wire import read_message, timestamp, write_message

_VENDOR = "com.microsoft:"
_STATUS = {
    UNAUTHORIZED_ACCESS: 401,
    NOT_FOUND: 404,
    MESSAGE_NOT_FOUND: 404,
    ENTITY_ALREADY_EXISTS: 409,
    MESSAGE_LOCK_LOST: 410,
    SESSION_LOCK_LOST: 410,
    NOT_IMPLEMENTED: 501,
    SERVER_BUSY: 503,
}
_SETTLEMENTS = {"completed": "complete", "abandoned": "abandon", "defered": "defer", "suspended": "dead-letter"}
_PEEK_BYTES = 512 * 1024
"""A peek is cut short beyond this; the client asks on from where it ended."""


class ManagementService:
    """The management node of one entity for one connection, the ``holder`` of the sessions its receivers accepted."""

    status_field = "statusCode"
    description_field = "statusDescription"
    longest_request = MAX_MESSAGE_SIZE

    def __init__(
        self,
        entity: MessageStore | Topic,
        require: Callable[[str], None],
        now: Callable[[], datetime],
        holder: object,
        faults: BusFaults,
    ) -> None:
        self._entity = entity
        self._require = require
        self._now = now
        self._holder = holder
        self._faults = faults
        self._operations: dict[str, tuple[str, Callable[[dict[Any, Any]], Reply]]] = {
            "schedule-message": (SEND, self._schedule),
            "cancel-scheduled-message": (SEND, self._cancel_scheduled),
            "peek-message": (LISTEN, self._peek),
        }
        if isinstance(entity, MessageStore):
            self._operations |= {
                "renew-lock": (LISTEN, self._renew_lock),
                "update-disposition": (LISTEN, self._update_disposition),
                "receive-by-sequence-number": (LISTEN, self._receive_by_sequence_number),
            }
            for name, operation in session_operations(entity, holder, now, faults).items():
                self._operations[name] = (LISTEN, operation)
        if isinstance(entity, Subscription):
            for name, operation in rule_operations(entity).items():
                self._operations[name] = (LISTEN, operation)

    def answer(self, request: Request) -> Reply | None:
        """Carry out one operation; what fails is answered with a status and a condition."""
        name = request.operation.removeprefix(_VENDOR)
        right, operation = self._operations.get(name, (None, None))
        try:
            if right is None or operation is None:
                raise AmqpError(NOT_IMPLEMENTED, f"The sandbox does not support the operation {request.operation}.")
            self._require(right)
            if not isinstance(request.body, dict):
                raise AmqpError(ARGUMENT_ERROR, "The body of the request is not a map.")
            return self._carry_out(name, operation, request.body)
        except BrokerError as refusal:
            return _refusal(as_amqp(refusal))
        except AmqpError as refusal:
            return _refusal(refusal)

    def _carry_out(self, name: str, operation: Callable[[dict[Any, Any]], Reply], body: dict[Any, Any]) -> Reply | None:
        self._faults.refuse("server_busy", self._entity.path, name, "request")
        return self._faults.answer(self._entity.path, (name, "request"), lambda: operation(body))

    def _peek(self, body: dict[Any, Any]) -> Reply:
        first, limit = number(body, "from-sequence-number"), number(body, "message-count")
        messages: list[Any] = []
        size = 0
        for message in self._peeked(first, limit, body.get("session-id")):
            encoded = write_message(message)
            size += len(encoded)
            if messages and size > _PEEK_BYTES:
                break
            messages.append({"message": encoded})
        return Reply(200, "OK", body={"messages": messages}) if messages else Reply(204, "No messages.")

    def _peeked(self, first: int, limit: int, session_id: Any) -> list[Message]:
        if isinstance(self._entity, Topic):
            return self._entity.peek(first, limit, self._now())
        if session_id is not None and not isinstance(session_id, str):
            raise AmqpError(ARGUMENT_ERROR, "session-id is not a text.")
        return self._entity.peek(first, limit, self._now(), session_id)

    def _session(self, body: dict[Any, Any]) -> SessionLock | None:
        """The session a request is about, which has to be held; None where there are no sessions."""
        if self._store.sessions is None:
            return None
        session_id = body.get("session-id")
        if not isinstance(session_id, str):
            raise AmqpError(ARGUMENT_ERROR, "The request names no session-id.")
        self._store.advance(self._now())
        return self._store.sessions.of(session_id, self._holder)

    def _renew_lock(self, body: dict[Any, Any]) -> Reply:
        now, tokens = self._now(), uuids(body, "lock-tokens")
        for token in tokens:
            if self._store.holds(token, now) and self._faults.strike("lose_lock", self._store.path, "renew-lock"):
                lose_lock(self._store, token, None, now)
        self._require_locks(tokens, now)
        ends = tuple(timestamp(self._store.renew(token, now)) for token in tokens)
        return Reply(200, "OK", body={"expirations": Array(Timestamp, ends)})

    def _update_disposition(self, body: dict[Any, Any]) -> Reply:
        now, tokens, status = self._now(), uuids(body, "lock-tokens"), body.get("disposition-status")
        added = body.get("properties-to-modify")
        if added is not None and not isinstance(added, dict):
            raise AmqpError(ARGUMENT_ERROR, "properties-to-modify is not a map.")
        revise = revision(added or {})
        settle: dict[Any, Callable[[UUID], None]] = {
            "completed": lambda token: self._store.complete(token, now),
            "abandoned": lambda token: self._store.abandon(token, now, revise),
            "defered": lambda token: self._store.defer(token, now, revise),
            "suspended": lambda token: self._store.dead_letter(
                token,
                str(body.get("deadletter-reason") or ""),
                str(body.get("deadletter-description") or ""),
                now,
                revise,
            ),
        }
        if status not in settle:
            raise AmqpError(ARGUMENT_ERROR, f"{status!r} is not a way to settle a message.")
        self._require_locks(tokens, now)
        operations = (_SETTLEMENTS[str(status)], "settle")
        for token in tokens:
            if self._faults.any:
                before_settling(self._faults, self._store, token, self._session(body), now, operations)
            settle[status](token)
        return Reply(200, "OK")

    def _receive_by_sequence_number(self, body: dict[Any, Any]) -> Reply:
        now, wanted, session = self._now(), numbers(body, "sequence-numbers"), self._session(body)
        if number(body, "receiver-settle-mode") == 0:
            taken = self._store.take_deferred(wanted, now, session)
            messages: list[Any] = [{"message": write_message(message)} for message in taken]
        else:
            messages = [
                {
                    "lock-token": each.lock_token,
                    "message": write_message(each.message, each.locked_until, each.lock_token),
                }
                for each in self._store.receive_deferred(wanted, now, session)
            ]
        return Reply(200, "OK", body={"messages": messages})

    def _schedule(self, body: dict[Any, Any]) -> Reply:
        entity, now, drafts = self._sendable(), self._now(), []
        for entry in items(body, "messages"):
            encoded = entry.get("message") if isinstance(entry, dict) else None
            if not isinstance(encoded, bytes) or len(encoded) > MAX_MESSAGE_SIZE:
                raise AmqpError(ARGUMENT_ERROR, f"A scheduled message must be at most {MAX_MESSAGE_SIZE} bytes.")
            draft = read_message(encoded)
            if draft.scheduled_for is None:
                raise AmqpError(ARGUMENT_ERROR, "A message to be scheduled names no moment.")
            entity.check(draft)
            drafts.append(draft)
        given = tuple(Long(entity.enqueue(draft, now)) for draft in drafts)
        for draft in drafts:
            if self._faults.strike("duplicate", entity.path, "schedule-message"):
                entity.enqueue(twin(draft), now)
        return Reply(200, "OK", body={"sequence-numbers": Array(Long, given)})

    def _cancel_scheduled(self, body: dict[Any, Any]) -> Reply:
        self._sendable().cancel_scheduled(numbers(body, "sequence-numbers"), self._now())
        return Reply(200, "OK")

    def _sendable(self) -> Queue | Topic:
        if not isinstance(self._entity, Queue | Topic):
            what = "subscription" if isinstance(self._entity, Subscription) else "dead-letter queue"
            raise AmqpError(NOT_ALLOWED, f"Messages cannot be sent to a {what}.")
        return self._entity

    @property
    def _store(self) -> MessageStore:
        if isinstance(self._entity, Topic):
            raise AmqpError(NOT_ALLOWED, "Nothing is received from a topic.")
        return self._entity

    def _require_locks(self, tokens: Sequence[UUID], now: datetime) -> None:
        if not all(self._store.holds(token, now) for token in tokens):
            raise LockLost if self._store.sessions is None else SessionLockLost


def _refusal(error: AmqpError) -> Reply:
    return Reply(_STATUS.get(error.condition, 400), error.description, error.condition)
