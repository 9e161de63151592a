"""A topic and all behind it live through anything in any order, against a model that knows only who must have what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from sandbox.servicebus.broker.broker import Broker
from sandbox.servicebus.broker.errors import LockLost, MessageNotFound, RuleExists, RuleNotFound
from sandbox.servicebus.broker.message import Draft, Message
from sandbox.servicebus.broker.properties import Properties
from sandbox.servicebus.broker.queue import Queue, ReceivingEntity
from sandbox.servicebus.broker.rules import Action, CorrelationFilter, Rule, SqlFilter
from sandbox.servicebus.broker.settings import QueueSettings, SubscriptionSettings, TopicSettings
from sandbox.servicebus.broker.topic import Subscription, Topic
from sandbox.servicebus.storage import MemoryStorage
from tests.sandbox.servicebus.broker.queues import LOCK, SECOND, START
from tests.sandbox.servicebus.broker.topics import Shelf

MAX = 2
ALL, RED, TWICE, MOVED = (f"t/Subscriptions/{name}" for name in ("all", "red", "twice", "moved"))
END, BIN = "end", "bin"
PLACES = (ALL, RED, TWICE, END, BIN)
EXTRA = Rule("extra", SqlFilter("n = 0"))
TOPIC = TopicSettings(
    "t",
    (
        SubscriptionSettings("all", max_delivery_count=MAX, forward_dead_letters_to=BIN),
        SubscriptionSettings("red", (Rule("red", CorrelationFilter({"Label": "red"})),), max_delivery_count=MAX),
        SubscriptionSettings(
            "twice",
            (Rule("some", SqlFilter("n > 0")), Rule("mark", SqlFilter("n <> 1"), Action("SET marked = TRUE"))),
            max_delivery_count=MAX,
        ),
        SubscriptionSettings("moved", (Rule("some", SqlFilter("n > 0")),), forward_to=END),
    ),
    duplicate_detection_window=LOCK * 99,
)
QUEUES = (QueueSettings(END, max_delivery_count=MAX), QueueSettings(BIN, max_delivery_count=MAX))
Copy = tuple[str, bool]
"""A message by its id, and whether a rule has marked this copy."""


@dataclass
class Place:
    """What must be in one entity: the copies there with their failed deliveries, who holds which, and the dead."""

    living: dict[Copy, int] = field(default_factory=dict)
    held: dict[UUID, tuple[Copy, datetime]] = field(default_factory=dict)
    deferred: set[Copy] = field(default_factory=set)
    dead: set[Copy] = field(default_factory=set)


class TopicInAnyOrder(RuleBasedStateMachine):
    """Every subscription gets its own copies, nothing is lost or has two holders; what is forwarded arrives once."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.storage, self.shelf = MemoryStorage(), Shelf()
        self.broker = Broker(QUEUES, self.storage, [TOPIC], self.shelf)
        self.places = {path: Place() for path in PLACES}
        self.waiting: dict[int, tuple[str, int, str, datetime]] = {}
        self.extra = False
        self.sent = 0

    # --- the model ------------------------------------------------------------------------------------------------

    def give_out(self, message_id: str, n: int, label: str) -> None:
        plain, marked = (message_id, False), (message_id, True)
        self.places[ALL].living[plain] = 0
        if label == "red" or (self.extra and n == 0):
            self.places[RED].living[plain] = 0
        if n > 0:
            self.places[TWICE].living[plain] = self.places[END].living[plain] = 0
        if n != 1:
            self.places[TWICE].living[marked] = 0

    def fail(self, path: str, copy: Copy) -> None:
        place = self.places[path]
        place.living[copy] += 1
        if place.living[copy] >= MAX:
            self.bury(path, copy)

    def bury(self, path: str, copy: Copy) -> None:
        place = self.places[path]
        self.end(path, copy)
        if path == ALL:
            self.places[BIN].living[copy] = 0
        else:
            place.dead.add(copy)

    def end(self, path: str, copy: Copy) -> None:
        del self.places[path].living[copy]
        self.places[path].deferred.discard(copy)

    def pass_to(self, now: datetime) -> None:
        """Let the model, and the broker, live through what comes due."""
        self.now = now
        for path, place in self.places.items():
            for token, (copy, until) in list(place.held.items()):
                if until <= now:
                    del place.held[token]
                    self.fail(path, copy)
        for number, (message_id, n, label, when) in list(self.waiting.items()):
            if when <= now:
                del self.waiting[number]
                self.give_out(message_id, n, label)
        self.broker.advance(now)

    # --- the broker -----------------------------------------------------------------------------------------------

    @property
    def topic(self) -> Topic:
        found = self.broker.find_topic("t")
        assert found is not None
        return found

    def entity(self, path: str) -> ReceivingEntity:
        found = self.broker.find(path)
        assert found is not None
        return found

    def copy_of(self, message: Message) -> Copy:
        return message.message_id, self.shelf.read(message.content).of_user("marked") is True

    def draft(self, n: int, label: str, scheduled_for: datetime | None = None) -> Draft:
        message_id = f"m{self.sent}"
        self.sent += 1
        properties = Properties({"messageid": message_id, "label": label}, {"n": n})
        return Draft(message_id, self.shelf.content(properties), scheduled_for=scheduled_for)

    # --- what happens ---------------------------------------------------------------------------------------------

    @rule(n=st.integers(0, 2), label=st.sampled_from(["red", "blue"]), delay=st.integers(0, 200))
    def send(self, n: int, label: str, delay: int) -> None:
        when = self.now + SECOND * delay if delay > 100 else None
        draft = self.draft(n, label, when)
        number = self.topic.enqueue(draft, self.now)
        self.topic.enqueue(draft, self.now)
        if when is None:
            self.give_out(draft.message_id, n, label)
        else:
            self.waiting[number] = (draft.message_id, n, label, when)
        self.broker.advance(self.now)

    @rule()
    def send_to_the_end(self) -> None:
        queue = self.entity(END)
        assert isinstance(queue, Queue)
        draft = self.draft(0, "blue")
        queue.enqueue(draft, self.now)
        self.places[END].living[draft.message_id, False] = 0

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        self.topic.cancel_scheduled([number], self.now)
        del self.waiting[number]
        with pytest.raises(MessageNotFound):
            self.topic.cancel_scheduled([number], self.now)

    @rule()
    def change_the_rules(self) -> None:
        red = self.entity(RED)
        assert isinstance(red, Subscription)
        if self.extra:
            with pytest.raises(RuleExists):
                red.add_rule(EXTRA)
            red.remove_rule("EXTRA")
        else:
            with pytest.raises(RuleNotFound):
                red.remove_rule("extra")
            red.add_rule(EXTRA)
        self.extra = not self.extra

    @rule(target=held, path=st.sampled_from(PLACES))
    def receive(self, path: str) -> tuple[str, UUID]:
        delivery, place = self.entity(path).receive(self.now), self.places[path]
        taken = {copy for copy, _ in place.held.values()}
        if delivery is None:
            assert place.living.keys() == taken | place.deferred
            return path, uuid4()
        copy = self.copy_of(delivery.message)
        assert copy not in taken, "two holders"
        assert copy not in place.deferred
        assert delivery.message.delivery_count == place.living[copy]
        place.held[delivery.lock_token] = (copy, delivery.locked_until)
        return path, delivery.lock_token

    @rule(what=consumes(held), how=st.sampled_from(["complete", "abandon", "release", "defer", "dead_letter"]))
    def settle(self, what: tuple[str, UUID], how: str) -> None:
        path, token = what
        more = ("reason", "description") if how == "dead_letter" else ()
        copy, _ = self.places[path].held.pop(token, (None, None))
        settle = getattr(self.entity(path), how)
        if copy is None:
            with pytest.raises(LockLost):
                settle(token, *more, self.now)
            return
        settle(token, *more, self.now)
        if how == "complete":
            self.end(path, copy)
        elif how == "abandon":
            self.fail(path, copy)
        elif how == "defer":
            self.places[path].deferred.add(copy)
        elif how == "dead_letter":
            self.bury(path, copy)
        self.broker.advance(self.now)

    @rule(seconds=st.integers(1, 90))
    def time_passes(self, seconds: int) -> None:
        self.pass_to(self.now + SECOND * seconds)

    @rule()
    def restart(self) -> None:
        """Locks are not stored: what was held waits again, its failures kept."""
        self.broker = Broker(QUEUES, self.storage, [TOPIC], self.shelf)
        for place in self.places.values():
            place.held.clear()

    @invariant()
    def every_entity_holds_exactly_what_it_must(self) -> None:
        for path, place in self.places.items():
            entity = self.entity(path)
            assert sorted(map(self.copy_of, entity.peek(0, 9999, self.now))) == sorted(place.living)
            assert sorted(map(self.copy_of, entity.dead_letters.peek(0, 9999, self.now))) == sorted(place.dead)
            counts = entity.counts(self.now)
            locked = {copy for copy, _ in place.held.values()}
            assert counts.locked == len(locked) == len(place.held)
            assert counts.deferred == len(place.deferred - locked)
            assert counts.active == len(place.living) - len(locked | place.deferred)
            assert len(list(self.storage.messages(path.lower()))) == len(place.living)
        assert [each.sequence_number for each in self.topic.peek(0, 9999, self.now)] == sorted(self.waiting)
        assert len(self.entity(MOVED)) == 0


TopicInAnyOrder.TestCase.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
TestTopicInAnyOrder = TopicInAnyOrder.TestCase
