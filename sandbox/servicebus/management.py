"""``$management``: what clients ask of a queue beside sending and receiving."""

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
from sandbox.servicebus.amqp.types import Array, Int, Long, Timestamp
from sandbox.servicebus.broker.errors import BrokerError, LockLost
from sandbox.servicebus.broker.queue import MessageStore, Queue
from sandbox.servicebus.conditions import ARGUMENT_ERROR, MESSAGE_LOCK_LOST, MESSAGE_NOT_FOUND, as_amqp
from sandbox.servicebus.queue_links import MAX_MESSAGE_SIZE
from sandbox.servicebus.requests import Reply, Request
from sandbox.servicebus.sas import LISTEN, SEND
from sandbox.servicebus.wire import read_message, timestamp, write_message

_VENDOR = "com.microsoft:"
_STATUS = {
    UNAUTHORIZED_ACCESS: 401,
    NOT_FOUND: 404,
    MESSAGE_NOT_FOUND: 404,
    MESSAGE_LOCK_LOST: 410,
    NOT_IMPLEMENTED: 501,
}
_PEEK_BYTES = 512 * 1024
"""A peek is cut short beyond this; the client asks on from where it ended."""


class ManagementService:
    """The management node of one queue or dead-letter queue, for one connection."""

    status_field = "statusCode"
    description_field = "statusDescription"

    def __init__(self, store: MessageStore, require: Callable[[str], None], now: Callable[[], datetime]) -> None:
        self._store = store
        self._require = require
        self._now = now
        self._operations: dict[str, tuple[str, Callable[[dict[Any, Any]], Reply]]] = {
            "peek-message": (LISTEN, self._peek),
            "renew-lock": (LISTEN, self._renew_lock),
            "update-disposition": (LISTEN, self._update_disposition),
            "receive-by-sequence-number": (LISTEN, self._receive_by_sequence_number),
            "schedule-message": (SEND, self._schedule),
            "cancel-scheduled-message": (SEND, self._cancel_scheduled),
        }

    def answer(self, request: Request) -> Reply:
        """Carry out one operation; what fails is answered with a status and a condition."""
        right, operation = self._operations.get(request.operation.removeprefix(_VENDOR), (None, None))
        try:
            if right is None or operation is None:
                raise AmqpError(NOT_IMPLEMENTED, f"The sandbox does not support the operation {request.operation}.")
            self._require(right)
            if not isinstance(request.body, dict):
                raise AmqpError(ARGUMENT_ERROR, "The body of the request is not a map.")
            return operation(request.body)
        except BrokerError as refusal:
            return _refusal(as_amqp(refusal))
        except AmqpError as refusal:
            return _refusal(refusal)

    def _peek(self, body: dict[Any, Any]) -> Reply:
        first, limit = _number(body, "from-sequence-number"), _number(body, "message-count")
        messages: list[Any] = []
        size = 0
        for message in self._store.peek(first, limit, self._now()):
            encoded = write_message(message)
            size += len(encoded)
            if messages and size > _PEEK_BYTES:
                break
            messages.append({"message": encoded})
        return Reply(200, "OK", body={"messages": messages}) if messages else Reply(204, "No messages.")

    def _renew_lock(self, body: dict[Any, Any]) -> Reply:
        now, tokens = self._now(), _uuids(body, "lock-tokens")
        self._require_locks(tokens, now)
        ends = tuple(timestamp(self._store.renew(token, now)) for token in tokens)
        return Reply(200, "OK", body={"expirations": Array(Timestamp, ends)})

    def _update_disposition(self, body: dict[Any, Any]) -> Reply:
        now, tokens, status = self._now(), _uuids(body, "lock-tokens"), body.get("disposition-status")
        settle: dict[Any, Callable[[UUID], None]] = {
            "completed": lambda token: self._store.complete(token, now),
            "abandoned": lambda token: self._store.abandon(token, now),
            "defered": lambda token: self._store.defer(token, now),
            "suspended": lambda token: self._store.dead_letter(
                token, str(body.get("deadletter-reason") or ""), str(body.get("deadletter-description") or ""), now
            ),
        }
        if status not in settle:
            raise AmqpError(ARGUMENT_ERROR, f"{status!r} is not a way to settle a message.")
        self._require_locks(tokens, now)
        for token in tokens:
            settle[status](token)
        return Reply(200, "OK")

    def _receive_by_sequence_number(self, body: dict[Any, Any]) -> Reply:
        now, numbers = self._now(), _numbers(body, "sequence-numbers")
        if _number(body, "receiver-settle-mode") == 0:
            taken = self._store.take_deferred(numbers, now)
            messages: list[Any] = [{"message": write_message(message)} for message in taken]
        else:
            messages = [
                {"lock-token": each.lock_token, "message": write_message(each.message, each.locked_until)}
                for each in self._store.receive_deferred(numbers, now)
            ]
        return Reply(200, "OK", body={"messages": messages})

    def _schedule(self, body: dict[Any, Any]) -> Reply:
        queue, now, drafts = self._queue(), self._now(), []
        for entry in _items(body, "messages"):
            encoded = entry.get("message") if isinstance(entry, dict) else None
            if not isinstance(encoded, bytes) or len(encoded) > MAX_MESSAGE_SIZE:
                raise AmqpError(ARGUMENT_ERROR, f"A scheduled message must be at most {MAX_MESSAGE_SIZE} bytes.")
            draft = read_message(encoded)
            if draft.scheduled_for is None:
                raise AmqpError(ARGUMENT_ERROR, "A message to be scheduled names no moment.")
            drafts.append(draft)
        numbers = tuple(Long(queue.enqueue(draft, now)) for draft in drafts)
        return Reply(200, "OK", body={"sequence-numbers": Array(Long, numbers)})

    def _cancel_scheduled(self, body: dict[Any, Any]) -> Reply:
        self._queue().cancel_scheduled(_numbers(body, "sequence-numbers"), self._now())
        return Reply(200, "OK")

    def _queue(self) -> Queue:
        if not isinstance(self._store, Queue):
            raise AmqpError(NOT_ALLOWED, "Messages cannot be sent to a dead-letter queue.")
        return self._store

    def _require_locks(self, tokens: Sequence[UUID], now: datetime) -> None:
        if not all(self._store.holds(token, now) for token in tokens):
            raise LockLost


def _refusal(error: AmqpError) -> Reply:
    return Reply(_STATUS.get(error.condition, 400), error.description, error.condition)


def _number(body: dict[Any, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise AmqpError(ARGUMENT_ERROR, f"{name} is not a number.")
    return int(value)


def _items(body: dict[Any, Any], name: str) -> Sequence[Any]:
    value = body.get(name)
    items: Sequence[Any] = value.values if isinstance(value, Array) else value if isinstance(value, list) else ()
    if not items:
        raise AmqpError(ARGUMENT_ERROR, f"{name} holds nothing.")
    return items


def _numbers(body: dict[Any, Any], name: str) -> list[int]:
    items = _items(body, name)
    if not all(isinstance(item, Long | Int) for item in items):
        raise AmqpError(ARGUMENT_ERROR, f"{name} holds something that is no sequence number.")
    return [int(item) for item in items]


def _uuids(body: dict[Any, Any], name: str) -> list[UUID]:
    items = _items(body, name)
    if not all(isinstance(item, UUID) for item in items):
        raise AmqpError(ARGUMENT_ERROR, f"{name} holds something that is no lock token.")
    return list(dict.fromkeys(items))
