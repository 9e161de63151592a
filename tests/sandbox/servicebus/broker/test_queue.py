"""What a queue promises, told the time: by example, and by a machine that does anything in any order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from random import Random

import pytest

from sandbox.servicebus.broker.errors import LockLost, MessageNotFound, NotSupported
from sandbox.servicebus.broker.queue import Queue
from sandbox.servicebus.broker.settings import QueueSettings
from sandbox.servicebus.broker.timers import Timers
from sandbox.servicebus.storage import MemoryStorage
from tests.sandbox.servicebus.broker.queues import LOCK, SECOND, START, draft, queue, received


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


def test_a_clock_that_stood_further_last_time_makes_nothing_a_duplicate_for_longer_than_the_window() -> None:
    storage = MemoryStorage()
    ahead = START + timedelta(days=3650)
    queue(storage, duplicate_detection_window=LOCK).enqueue(draft("old"), ahead)
    store = queue(storage, duplicate_detection_window=LOCK)
    for name in ("old", "new"):
        store.enqueue(draft(name), START)
    assert len(store) == 2, "the old one is still a duplicate"
    for name in ("old", "new"):
        store.enqueue(draft(name), START + LOCK)
    assert len(store) == 4
    assert set(storage.remembered_ids("q").values()) == {START + LOCK * 2}


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
        ({"duplicate_detection_window": SECOND}, "from 5 seconds to 7 days"),
        ({"default_ttl": timedelta()}, "more than 0"),
    ],
)
def test_settings_the_real_service_refuses_are_refused(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        QueueSettings(**{"name": "q", **changes})  # type: ignore[arg-type]


def test_a_message_that_comes_and_goes_for_ever_takes_up_no_more_room_each_time() -> None:
    store = Queue(QueueSettings("q", default_ttl=LOCK * 10), MemoryStorage())
    for name in ("a", "b"):
        store.enqueue(draft(name), START)
    for _ in range(2000):
        store.release(received(store, START).lock_token, START)
    kept: list[Iterable[object]] = [*store._lines._lines.values(), store._lock_ends._heap, store._ends_of_life._heap]
    assert max(len(list(each)) for each in kept) <= 2 * 2 + 64 + 1
    first, second = received(store, START), received(store, START)
    assert [first.message.message_id, second.message.message_id] == ["a", "b"]
    assert store.next_moment() == START + LOCK


@pytest.mark.parametrize("seed", range(5))
def test_timers_ring_in_order_however_often_they_were_set(seed: int) -> None:
    timers: Timers[int] = Timers()
    wanted: dict[int, datetime] = {}
    draws = Random(seed)
    for _ in range(1000):
        key, minutes = draws.randrange(4), draws.randrange(5)
        if minutes:
            wanted[key] = START + timedelta(minutes=minutes)
            timers.set(key, wanted[key])
        else:
            assert timers.cancel(key) is (wanted.pop(key, None) is not None)
    assert len(timers._heap) <= 2 * 4 + 65
    rung = list(timers.take_due(START + timedelta(hours=1)))
    assert dict(rung) == wanted
    assert [due for _, due in rung] == sorted(wanted.values())
