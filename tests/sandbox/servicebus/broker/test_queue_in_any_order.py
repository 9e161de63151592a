"""A queue lives through anything in any order, against a model that knows only who holds what."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from sandbox.servicebus.broker.errors import LockLost
from sandbox.servicebus.broker.message import MessageState
from sandbox.servicebus.storage import MemoryStorage
from tests.sandbox.servicebus.broker.queues import LOCK, SECOND, START, draft, queue


class AnythingInAnyOrder(RuleBasedStateMachine):
    """Two receivers do anything in any order; nothing is lost, nothing has two holders, every count is exact.

    The model knows only who holds which message until when, and what must be left.
    """

    held = Bundle("held")
    MAX = 3

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.storage = MemoryStorage()
        self.store = queue(self.storage, max_delivery_count=self.MAX, duplicate_detection_window=LOCK * 5)
        self.holders: dict[UUID, tuple[str, datetime]] = {}
        self.deliveries: dict[str, int] = {}
        self.living: set[str] = set()
        self.scheduled: dict[str, datetime] = {}
        self.deferred: set[str] = set()
        self.dead: set[str] = set()
        self.sent = 0

    def pass_to(self, now: datetime) -> None:
        """Let the model live through what comes due."""
        self.now = now
        for token, (message_id, until) in list(self.holders.items()):
            if until <= now:
                del self.holders[token]
                self.fail(message_id)
        self.scheduled = {message_id: when for message_id, when in self.scheduled.items() if when > now}

    def fail(self, message_id: str) -> None:
        self.deliveries[message_id] += 1
        if self.deliveries[message_id] >= self.MAX:
            self.end(message_id)
            self.dead.add(message_id)

    def end(self, message_id: str) -> None:
        self.living.discard(message_id)
        self.deferred.discard(message_id)

    def held_by(self, token: UUID) -> str | None:
        entry = self.holders.pop(token, None)
        return None if entry is None else entry[0]

    @rule(delay=st.integers(0, 200))
    def send(self, delay: int) -> None:
        message_id = f"m{self.sent}"
        self.sent += 1
        when = self.now + SECOND * delay if delay > 100 else None
        for _ in range(2):
            self.store.enqueue(draft(message_id, scheduled_for=when), self.now)
        self.living.add(message_id)
        self.deliveries[message_id] = 0
        if when is not None:
            self.scheduled[message_id] = when

    @rule(target=held)
    def receive(self) -> UUID:
        delivery = self.store.receive(self.now)
        if delivery is None:
            return uuid4()
        message_id = delivery.message.message_id
        assert message_id not in {name for name, _ in self.holders.values()}, "two holders"
        assert message_id in self.living - self.deferred - self.scheduled.keys()
        assert delivery.message.delivery_count == self.deliveries[message_id]
        self.holders[delivery.lock_token] = (message_id, delivery.locked_until)
        return delivery.lock_token

    @rule()
    def take(self) -> None:
        message = self.store.take(self.now)
        if message is not None:
            assert message.message_id not in {name for name, _ in self.holders.values()}
            self.end(message.message_id)

    @rule(target=held)
    def receive_deferred(self) -> object:
        free = self.deferred - {name for name, _ in self.holders.values()}
        numbers = [
            each.sequence_number for each in self.store.peek(0, 10_000, self.now) if each.message_id in sorted(free)[:2]
        ]
        deliveries = self.store.receive_deferred(numbers, self.now)
        for delivery in deliveries:
            self.holders[delivery.lock_token] = (delivery.message.message_id, delivery.locked_until)
        return multiple(*(delivery.lock_token for delivery in deliveries))

    @rule(token=consumes(held), how=st.sampled_from(["complete", "abandon", "release", "defer", "dead_letter"]))
    def settle(self, token: UUID, how: str) -> None:
        more = ("reason", "description") if how == "dead_letter" else ()
        message_id = self.held_by(token)
        if message_id is None:
            with pytest.raises(LockLost):
                getattr(self.store, how)(token, *more, self.now)
            return
        getattr(self.store, how)(token, *more, self.now)
        if how == "complete":
            self.end(message_id)
        elif how == "abandon":
            self.fail(message_id)
        elif how == "defer":
            self.deferred.add(message_id)
        elif how == "dead_letter":
            self.end(message_id)
            self.dead.add(message_id)

    @rule(token=held)
    def renew(self, token: UUID) -> None:
        if token in self.holders:
            until = self.store.renew(token, self.now)
            assert until == self.now + LOCK
            self.holders[token] = (self.holders[token][0], until)
        else:
            with pytest.raises(LockLost):
                self.store.renew(token, self.now)

    @rule(seconds=st.integers(1, 90))
    def time_passes(self, seconds: int) -> None:
        self.pass_to(self.now + SECOND * seconds)

    @rule()
    def time_passes_to_the_next_moment(self) -> None:
        moment = self.store.next_moment()
        if moment is not None:
            self.pass_to(max(moment, self.now))

    @rule()
    def restart(self) -> None:
        """Only messages without lock survive unchanged; locks are let go first, as their ends are not stored."""
        self.store.advance(self.now)
        self.store = queue(self.storage, max_delivery_count=self.MAX, duplicate_detection_window=LOCK * 5)
        self.holders.clear()

    @invariant()
    def counts_are_exact(self) -> None:
        counts = self.store.counts(self.now)
        locked = {name for name, _ in self.holders.values()}
        assert counts.locked == len(locked) == len(self.holders)
        assert counts.scheduled == len(self.scheduled)
        assert counts.deferred == len(self.deferred - locked)
        assert counts.dead_letter == len(self.dead)
        assert counts.active == len(self.living - locked - self.deferred - self.scheduled.keys())

    @invariant()
    def nothing_is_lost(self) -> None:
        messages = self.store.peek(0, 10_000, self.now)
        assert sorted(each.message_id for each in messages) == sorted(self.living)
        states = {each.message_id: each.state for each in messages}
        assert {name for name, state in states.items() if state is MessageState.SCHEDULED} == self.scheduled.keys()
        assert {each.message_id for each in self.store.dead_letters.peek(0, 10_000, self.now)} == self.dead
        assert len(list(self.storage.messages("q"))) == len(self.living)


AnythingInAnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnythingInAnyOrder = AnythingInAnyOrder.TestCase
