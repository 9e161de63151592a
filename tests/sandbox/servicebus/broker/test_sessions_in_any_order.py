"""Sessions live through anything in any order, against a model that knows who holds what and what comes next."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sandbox.servicebus.broker.errors import SessionCannotBeLocked, SessionLockLost
from sandbox.servicebus.broker.sessions import SessionLock
from sandbox.servicebus.storage import MemoryStorage
from tests.sandbox.servicebus.broker.queues import LOCK, SECOND, START, draft, queue

NAMES = ["a", "b", "c"]
MAX = 3


@dataclass
class Holding:
    """A session in somebody's hands, as the model sees it."""

    lock: SessionLock
    holder: object
    until: datetime
    tokens: dict[UUID, str] = field(default_factory=dict)


class SessionsInAnyOrder(RuleBasedStateMachine):
    """Nothing is lost, no session has two holders, and each holder gets its session's first message that waits."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.storage = MemoryStorage()
        self.store = queue(self.storage, max_delivery_count=MAX, requires_session=True)
        self.lines: dict[str, list[str]] = {name: [] for name in NAMES}
        self.sent: list[str] = []
        self.failures: dict[str, int] = {}
        self.deferred: set[str] = set()
        self.dead: set[str] = set()
        self.held: dict[str, Holding] = {}
        self.lost: list[tuple[UUID, Holding]] = []
        self.states: dict[str, bytes] = {}

    # --- the model ------------------------------------------------------------------------------------------------

    def waiting(self, name: str) -> list[str]:
        locked = set(self.held[name].tokens.values()) if name in self.held else set()
        return [each for each in self.lines[name] if each not in locked | self.deferred]

    def fail(self, name: str, message_id: str) -> None:
        self.failures[message_id] += 1
        if self.failures[message_id] >= MAX:
            self.lines[name].remove(message_id)
            self.deferred.discard(message_id)
            self.dead.add(message_id)

    def end(self, name: str, *, failed: bool) -> None:
        holding = self.held.pop(name)
        for token, message_id in holding.tokens.items():
            self.lost.append((token, holding))
            if failed:
                self.fail(name, message_id)

    # --- what happens ---------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(NAMES))
    def send(self, name: str) -> None:
        message_id = f"m{len(self.sent)}"
        self.store.enqueue(draft(message_id, session_id=name), self.now)
        self.sent.append(message_id)
        self.lines[name].append(message_id)
        self.failures[message_id] = 0

    @rule(name=st.sampled_from(NAMES))
    def accept(self, name: str) -> None:
        holder = object()
        if name in self.held:
            with pytest.raises(SessionCannotBeLocked):
                self.store.accept_session(name, holder, self.now)
            return
        lock = self.store.accept_session(name, holder, self.now)
        assert lock is not None
        self.held[name] = Holding(lock, holder, self.now + LOCK)

    @rule()
    def accept_next(self) -> None:
        holder = object()
        lock = self.store.accept_session(None, holder, self.now)
        firsts = [(self.sent.index(self.waiting(name)[0]), name) for name in NAMES if self.waiting(name)]
        free = [name for _, name in sorted(firsts) if name not in self.held]
        assert (None if lock is None else lock.session_id) == (free[0] if free else None)
        if lock is not None:
            self.held[lock.session_id] = Holding(lock, holder, self.now + LOCK)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def receive(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        delivery = self.store.receive(self.now, self.held[name].lock)
        expected = self.waiting(name)
        assert (None if delivery is None else delivery.message.message_id) == (expected[0] if expected else None)
        if delivery is not None:
            assert delivery.message.delivery_count == self.failures[delivery.message.message_id]
            assert delivery.locked_until == self.held[name].until
            self.held[name].tokens[delivery.lock_token] = delivery.message.message_id

    @precondition(lambda self: any(each.tokens for each in self.held.values()))
    @rule(data=st.data(), how=st.sampled_from(["complete", "abandon", "release", "defer", "dead_letter"]))
    def settle(self, data: st.DataObject, how: str) -> None:
        name = data.draw(st.sampled_from(sorted(name for name, each in self.held.items() if each.tokens)))
        token = data.draw(st.sampled_from(list(self.held[name].tokens)))
        message_id = self.held[name].tokens.pop(token)
        getattr(self.store, how)(token, *(("r", "d") if how == "dead_letter" else ()), self.now)
        if how == "abandon":
            self.fail(name, message_id)
        elif how == "defer":
            self.deferred.add(message_id)
        elif how in ("complete", "dead_letter"):
            self.lines[name].remove(message_id)
            self.deferred.discard(message_id)
            if how == "dead_letter":
                self.dead.add(message_id)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def receive_deferred(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        locked = set(self.held[name].tokens.values())
        wanted = [each for each in self.lines[name] if each in self.deferred - locked][:2]
        numbers = [each.sequence_number for each in self.store.peek(0, 999, self.now) if each.message_id in wanted]
        for delivery in self.store.receive_deferred(numbers, self.now, self.held[name].lock):
            self.held[name].tokens[delivery.lock_token] = delivery.message.message_id

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def settle_too_late(self, data: st.DataObject) -> None:
        token, holding = data.draw(st.sampled_from(self.lost))
        with pytest.raises(SessionLockLost):
            self.store.complete(token, self.now)
        assert self.store.receive(self.now, holding.lock) is None
        assert self.store.sessions is not None
        with pytest.raises(SessionLockLost):
            self.store.sessions.renew(holding.lock.session_id, holding.holder, self.now)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), state=st.none() | st.binary(max_size=3))
    def renew_and_leave_a_state(self, data: st.DataObject, state: bytes | None) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        holding, sessions = self.held[name], self.store.sessions
        assert sessions is not None
        assert sessions.state(name, holding.holder) == self.states.get(name)
        sessions.set_state(name, holding.holder, state, self.now)
        if state is None:
            self.states.pop(name, None)
        else:
            self.states[name] = state
        holding.until = sessions.renew(name, holding.holder, self.now)
        assert holding.until == self.now + LOCK

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def let_go(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        self.store.release_session(self.held[name].lock, self.now)
        self.end(name, failed=False)

    @rule(seconds=st.integers(1, 90))
    def time_passes(self, seconds: int) -> None:
        self.now += SECOND * seconds
        for name in [name for name, each in self.held.items() if each.until <= self.now]:
            self.end(name, failed=True)

    @rule()
    def restart(self) -> None:
        self.store.advance(self.now)
        self.store = queue(self.storage, max_delivery_count=MAX, requires_session=True)
        self.held.clear()
        self.lost.clear()

    # --- what must always hold ------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_and_counts_are_exact(self) -> None:
        counts = self.store.counts(self.now)
        locked = {message_id for each in self.held.values() for message_id in each.tokens.values()}
        living = {message_id for line in self.lines.values() for message_id in line}
        assert counts.locked == len(locked)
        assert counts.active == sum(len(self.waiting(name)) for name in NAMES)
        assert counts.deferred == len(self.deferred - locked)
        assert {each.message_id for each in self.store.peek(0, 999, self.now)} == living
        assert {each.message_id for each in self.store.dead_letters.peek(0, 999, self.now)} == self.dead
        names = {name for name in NAMES if self.lines[name]} | set(self.states)
        assert self.store.session_ids(None, self.now) == sorted(names)


SessionsInAnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSessionsInAnyOrder = SessionsInAnyOrder.TestCase
