"""What a queue promises, told the time: by example, and by a machine that does anything in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from sandbox.servicebus.broker.errors import LockLost, MessageNotFound, NotSupported
from sandbox.servicebus.broker.message import Content, Delivery, Draft, MessageState
from sandbox.servicebus.broker.queue import Queue
from sandbox.servicebus.broker.settings import QueueSettings
from sandbox.servicebus.storage import MemoryStorage

START = datetime(2026, 3, 1, tzinfo=UTC)
LOCK = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
BODY = Content(b"\x40\x40", b"", 0, b"")


def draft(message_id: str = "", life: timedelta | None = None, scheduled_for: datetime | None = None) -> Draft:
    return Draft(message_id or uuid4().hex, BODY, life, scheduled_for)


def queue(storage: MemoryStorage | None = None, **changes: object) -> Queue:
    return Queue(QueueSettings("q", lock_duration=LOCK, **changes), storage or MemoryStorage())  # type: ignore[arg-type]


def received(store: Queue, now: datetime) -> Delivery:
    delivery = store.receive(now)
    assert delivery is not None
    return delivery


def test_messages_are_received_in_the_order_of_their_numbers_and_return_to_their_place() -> None:
    store = queue()
    for _ in range(3):
        store.enqueue(draft(), START)
    first, second = received(store, START), received(store, START)
    store.abandon(second.lock_token, START)
    store.release(first.lock_token, START)
    again = [received(store, START).message for _ in range(3)]
    assert [(each.sequence_number, each.delivery_count) for each in again] == [(1, 0), (2, 1), (3, 0)]
    assert store.receive(START) is None


def test_a_lock_ends_at_its_moment_and_not_before() -> None:
    store = queue()
    store.enqueue(draft(), START)
    delivery = received(store, START)
    assert delivery.locked_until == START + LOCK == store.next_moment()
    assert store.receive(START + LOCK - SECOND) is None
    assert received(store, START + LOCK).message.delivery_count == 1
    with pytest.raises(LockLost):
        store.complete(delivery.lock_token, START + LOCK)


def test_a_renewed_lock_ends_its_full_duration_after_the_renewal() -> None:
    store = queue()
    store.enqueue(draft(), START)
    token = received(store, START).lock_token
    assert store.renew(token, START + LOCK - SECOND) == START + LOCK * 2 - SECOND
    assert store.holds(token, START + LOCK * 2 - SECOND * 2)
    assert not store.holds(token, START + LOCK * 2 - SECOND)
    with pytest.raises(LockLost):
        store.renew(token, START + LOCK * 2)


def test_the_last_allowed_delivery_that_fails_puts_the_message_aside() -> None:
    store = queue(max_delivery_count=2)
    number = store.enqueue(draft("m", life=LOCK * 100), START)
    store.abandon(received(store, START).lock_token, START)
    received(store, START)
    counts = store.counts(START + LOCK)
    assert (counts.active, counts.locked, counts.dead_letter) == (0, 0, 1)
    (dead,) = store.dead_letters.peek(0, 9, START + LOCK)
    assert (dead.sequence_number, dead.message_id, dead.delivery_count) == (number, "m", 2)
    assert dead.dead_lettering is not None
    assert dead.dead_lettering.reason == "MaxDeliveryCountExceeded"
    assert store.dead_letters.peek(0, 9, START + LOCK * 1000) == [dead], "it waits for a person, however long"


def test_a_dead_letter_queue_moves_nothing_on() -> None:
    store = queue(max_delivery_count=1)
    store.enqueue(draft(), START)
    store.abandon(received(store, START).lock_token, START)
    dead = store.dead_letters
    for _ in range(5):
        delivery = dead.receive(START)
        assert delivery is not None
        with pytest.raises(NotSupported):
            dead.dead_letter(delivery.lock_token, "", "", START)
        dead.abandon(delivery.lock_token, START)
    assert len(dead) == 1


def test_a_scheduled_message_gets_in_line_at_its_moment_behind_those_sent_before() -> None:
    store = queue()
    late, soon = START + SECOND * 20, START + SECOND * 10
    numbers = [store.enqueue(draft(name, scheduled_for=when), START) for name, when in (("late", late), ("soon", soon))]
    store.enqueue(draft("now"), START)
    assert numbers == [1, 2]
    assert store.next_moment() == soon
    got = [received(store, late).message for _ in range(3)]
    assert [(each.message_id, each.sequence_number, each.enqueued_at) for each in got] == [
        ("now", 3, START),
        ("soon", 4, soon),
        ("late", 5, late),
    ]


def test_a_moment_that_has_passed_schedules_nothing() -> None:
    store = queue()
    store.enqueue(draft(scheduled_for=START), START)
    assert store.counts(START).active == 1


def test_cancelling_is_for_all_or_none() -> None:
    store = queue()
    one, two = (store.enqueue(draft(scheduled_for=START + LOCK), START) for _ in range(2))
    with pytest.raises(MessageNotFound, match="number 99"):
        store.cancel_scheduled([one, 99], START)
    assert store.counts(START).scheduled == 2
    store.cancel_scheduled([one, two, one], START)
    assert store.counts(START).scheduled == 0
    assert store.next_moment() is None


def test_a_life_ends_while_waiting_or_deferred_but_not_while_locked() -> None:
    store = queue(default_ttl=SECOND * 30)
    for life in (None, SECOND * 10, SECOND * 1000):
        store.enqueue(draft(life=life), START)
    held = received(store, START)
    assert [each.sequence_number for each in store.peek(0, 9, START + SECOND * 29)] == [1, 3]
    assert [each.sequence_number for each in store.peek(0, 9, START + SECOND * 30)] == [1]
    store.renew(held.lock_token, START + SECOND * 31)
    store.defer(held.lock_token, START + SECOND * 32)
    assert store.counts(START + SECOND * 32).deferred == 0, "its life had ended under the lock"


def test_the_life_of_a_scheduled_message_begins_when_it_arrives() -> None:
    store = queue()
    store.enqueue(draft(life=SECOND, scheduled_for=START + LOCK), START)
    assert store.counts(START + LOCK).active == 1
    assert store.counts(START + LOCK + SECOND).active == 0


def test_a_duplicate_does_not_extend_the_window() -> None:
    store = queue(duplicate_detection_window=LOCK)
    store.enqueue(draft("a"), START)
    store.enqueue(draft("a"), START + LOCK - SECOND)
    store.enqueue(draft("a"), START + LOCK)
    assert store.counts(START + LOCK).active == 2
    store.enqueue(draft("a"), START + LOCK + SECOND)
    assert store.counts(START + LOCK + SECOND).active == 2


def test_a_completed_message_still_makes_its_copies_duplicates() -> None:
    store = queue(duplicate_detection_window=LOCK)
    store.enqueue(draft("a"), START)
    store.complete(received(store, START).lock_token, START)
    store.enqueue(draft("a", scheduled_for=START + LOCK * 2), START)
    counts = store.counts(START)
    assert (counts.active, counts.scheduled) == (0, 0)


def test_without_a_window_nothing_is_a_duplicate() -> None:
    store = queue()
    for _ in range(2):
        store.enqueue(draft("a"), START)
    assert store.counts(START).active == 2


def test_deferred_messages_are_handed_out_all_or_none() -> None:
    store = queue()
    for _ in range(2):
        store.enqueue(draft(), START)
        store.defer(received(store, START).lock_token, START)
    with pytest.raises(MessageNotFound):
        store.receive_deferred([1, 3], START)
    deliveries = store.receive_deferred([2, 1, 2], START)
    assert [each.message.sequence_number for each in deliveries] == [2, 1]
    with pytest.raises(MessageNotFound):
        store.take_deferred([1], START)
    assert store.counts(START + LOCK).deferred == 2, "a lock that ends leaves it deferred"
    assert [each.delivery_count for each in store.take_deferred([1, 2], START + LOCK)] == [1, 1]


def test_a_queue_opened_again_on_its_storage_has_everything_but_the_locks() -> None:
    storage = MemoryStorage()
    store = queue(storage, duplicate_detection_window=LOCK, max_delivery_count=2)
    for name in ("locked", "dead", "deferred", "waiting"):
        store.enqueue(draft(name), START)
    held = received(store, START)
    store.dead_letter(received(store, START).lock_token, "r", "d", START)
    store.defer(received(store, START).lock_token, START)
    store.enqueue(draft("scheduled", scheduled_for=START + LOCK), START)
    store.abandon(held.lock_token, START)
    received(store, START)

    again = queue(storage, duplicate_detection_window=LOCK, max_delivery_count=2)
    counts = again.counts(START)
    assert (counts.active, counts.locked, counts.scheduled, counts.dead_letter, counts.deferred) == (2, 0, 1, 1, 1)
    assert received(again, START).message.delivery_count == 1
    again.enqueue(draft("dead"), START)
    assert again.counts(START).active == 1, "ids are remembered too"
    assert again.enqueue(draft("new"), START) == 7, "numbers go on, duplicates used one as well"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "a/$b"}, "cannot be the name"),
        ({"name": ""}, "cannot be the name"),
        ({"lock_duration": timedelta(minutes=6)}, "at most 5 minutes"),
        ({"lock_duration": timedelta()}, "more than 0"),
        ({"max_delivery_count": 0}, "from 1 to 2000"),
        ({"duplicate_detection_window": SECOND}, "from 20 seconds to 7 days"),
        ({"default_ttl": timedelta()}, "more than 0"),
    ],
)
def test_settings_the_real_service_refuses_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        QueueSettings(**{"name": "q", **changes})  # type: ignore[arg-type]


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
