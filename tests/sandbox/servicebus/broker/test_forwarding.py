"""Entities that hand on what comes to them, without a wire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from sandbox.servicebus.broker.broker import Broker
from sandbox.servicebus.broker.errors import Unreadable
from sandbox.servicebus.broker.message import Content, Draft
from sandbox.servicebus.broker.properties import Properties
from sandbox.servicebus.broker.queue import Queue, ReceivingEntity
from sandbox.servicebus.broker.rules import Rule, SqlFilter
from sandbox.servicebus.broker.settings import QueueSettings, SubscriptionSettings, TopicSettings
from sandbox.servicebus.broker.topic import Topic
from sandbox.servicebus.storage import MemoryStorage
from tests.sandbox.servicebus.broker.queues import BODY, SECOND, START, draft
from tests.sandbox.servicebus.broker.topics import Shelf

MINUTE = timedelta(minutes=1)


class PickyShelf(Shelf):
    """Cannot read what was never put in it."""

    def read(self, content: Content) -> Properties:
        if content.bare == b"unreadable":
            raise Unreadable("no properties")
        return super().read(content)


class World:
    """A broker with these entities, and one turn after everything that is sent."""

    def __init__(self, *entities: QueueSettings | TopicSettings) -> None:
        self.shelf = PickyShelf()
        self.storage = MemoryStorage()
        self.queues = [each for each in entities if isinstance(each, QueueSettings)]
        self.topics = [each for each in entities if isinstance(each, TopicSettings)]
        self.restarted()

    def restarted(self) -> None:
        self.broker = Broker(self.queues, self.storage, self.topics, self.shelf)

    def __getitem__(self, path: str) -> ReceivingEntity:
        found = self.broker.find(path)
        assert found is not None
        return found

    def send(self, to: str, message_id: str = "m", now: datetime = START, **options: Any) -> None:
        content = self.shelf.content(Properties({"messageid": message_id}, options.pop("user", {})))
        self.put(to, Draft(message_id, content, **options), now)

    def put(self, to: str, message: Draft, now: datetime = START) -> None:
        entity = self.broker.find_topic(to) or self.broker.find(to)
        assert isinstance(entity, Queue | Topic)
        entity.enqueue(message, now)
        self.broker.advance(now)

    def ids(self, path: str, now: datetime = START) -> list[str]:
        return [each.message_id for each in self[path].peek(0, 100, now)]

    def put_aside(self, path: str, now: datetime = START) -> None:
        delivery = self[path].receive(now)
        assert delivery is not None
        self[path].dead_letter(delivery.lock_token, "bad", "really", now)
        self.broker.advance(now)


def test_a_message_passes_through_four_entities_to_the_last_and_keeps_its_first_number() -> None:
    world = World(
        QueueSettings("d", forward_to="E"),
        QueueSettings("a", forward_to="b"),
        QueueSettings("b", forward_to="c"),
        QueueSettings("c", forward_to="d"),
        QueueSettings("e"),
    )
    world.send("e", "before")
    world.send("a", "one")
    world.send("a", "two")
    assert [world.ids(name) for name in "abcd"] == [[], [], [], []]
    messages = world["e"].peek(0, 10, START)
    assert [(each.message_id, each.sequence_number, each.enqueued_number) for each in messages] == [
        ("before", 1, None),
        ("one", 2, 1),
        ("two", 3, 2),
    ]
    assert list(world.storage.messages("a")) == []


def test_what_is_scheduled_is_handed_on_when_its_moment_comes() -> None:
    world = World(QueueSettings("a", forward_to="b"), QueueSettings("b"))
    world.send("a", scheduled_for=START + MINUTE)
    assert (world.ids("a"), world.ids("b")) == (["m"], [])
    assert world.broker.next_moment() == START + MINUTE
    world.broker.advance(START + MINUTE)
    (message,) = world["b"].peek(0, 10, START + MINUTE)
    assert message.enqueued_at == START + MINUTE


def test_the_next_entity_counts_lives_and_drops_duplicates_by_its_own_settings() -> None:
    world = World(
        QueueSettings("a", forward_to="b", default_ttl=MINUTE * 2),
        QueueSettings("b", duplicate_detection_window=MINUTE, default_ttl=MINUTE * 5),
    )
    world.send("a")
    world.send("a")
    (message,) = world["b"].peek(0, 10, START)
    assert message.expires_at == START + MINUTE * 2, "the shorter of the two lives"
    assert (world.ids("a"), world["a"].dead_letters.peek(0, 10, START)) == ([], [])


def test_a_subscription_forwards_its_copies_and_a_topic_gives_out_what_it_is_handed() -> None:
    first = TopicSettings(
        "first",
        (
            SubscriptionSettings("red", (Rule("red", SqlFilter("colour = 'red'")),), forward_to="second"),
            SubscriptionSettings("all"),
        ),
    )
    second = TopicSettings("second", (SubscriptionSettings("end", default_ttl=MINUTE),), MINUTE, MINUTE * 9)
    world = World(first, second)
    world.send("first", "r", user={"colour": "red"})
    world.send("first", "r", user={"colour": "red"})
    world.send("first", "b", user={"colour": "blue"})
    assert world.ids("first/Subscriptions/all") == ["r", "r", "b"]
    assert world.ids("first/Subscriptions/red") == []
    assert world.ids("second/Subscriptions/end") == ["r"], "the second topic detects duplicates"


def test_dead_letters_are_handed_on_with_their_reason_and_rules_can_look_at_it() -> None:
    rule = Rule("bad", SqlFilter("DeadLetterReason = 'bad' AND DeadLetterErrorDescription = 'really'"))
    world = World(
        QueueSettings("a", forward_dead_letters_to="errors"),
        TopicSettings("errors", (SubscriptionSettings("bad", (rule,)),)),
    )
    world.send("a")
    delivery = world["a"].receive(START)
    assert delivery is not None
    world["a"].abandon(delivery.lock_token, START)
    world.put_aside("a")
    assert len(world["a"].dead_letters) == 0
    (message,) = world["errors/Subscriptions/bad"].peek(0, 10, START)
    assert message.dead_lettering is not None
    assert (message.dead_lettering.reason, message.dead_lettering.source) == ("bad", "a")
    assert (message.delivery_count, message.enqueued_number) == (0, 1)


def test_what_the_next_entity_refuses_is_put_aside_with_the_reason() -> None:
    world = World(QueueSettings("a", forward_to="b"), QueueSettings("b", requires_session=True))
    world.send("a", "with", session_id="s")
    world.send("a", "without")
    assert (world.ids("a"), world.ids("b")) == ([], ["with"])
    (dead,) = world["a"].dead_letters.peek(0, 10, START)
    assert dead.dead_lettering is not None
    assert (dead.message_id, dead.dead_lettering.reason) == ("without", "ForwardingRefused")
    assert "only messages with a session id" in dead.dead_lettering.description


def test_a_dead_letter_the_next_entity_refuses_stays_where_it_is() -> None:
    world = World(
        QueueSettings("a", forward_dead_letters_to="t"), TopicSettings("t", (SubscriptionSettings("s"),), MINUTE)
    )
    world.put("a", Draft("odd", Content(b"", b"", 0, b"unreadable")))
    world.send("a", "fine")
    for _ in range(2):
        world.put_aside("a")
    assert [each.message_id for each in world["a"].dead_letters.peek(0, 10, START)] == ["odd"]
    assert world.broker.next_moment() is None
    assert world.ids("t/Subscriptions/s") == ["fine"]


def test_messages_from_before_an_entity_forwarded_are_handed_on_too() -> None:
    world = World(QueueSettings("a"), QueueSettings("b"))
    world.put("a", draft("old"))
    world.queues[0] = QueueSettings("a", forward_to="b")
    world.restarted()
    world.broker.advance(START + SECOND)
    assert (world.ids("a"), world.ids("b")) == ([], ["old"])
    assert world["b"].peek(0, 1, START)[0].content == BODY


def test_what_waits_to_be_handed_on_is_due_at_once_unless_it_was_refused() -> None:
    world = World(QueueSettings("a", forward_to="b"), QueueSettings("b"))
    queue = world["a"]
    assert isinstance(queue, Queue)
    queue.enqueue(draft("m"), START)
    assert world.broker.next_moment() == START
    world.broker.advance(START)
    assert world.broker.next_moment() is None


def chain(length: int) -> list[QueueSettings]:
    return [*(QueueSettings(f"q{n}", forward_to=f"q{n + 1}") for n in range(length)), QueueSettings(f"q{length}")]


@pytest.mark.parametrize(
    ("entities", "sentence"),
    [
        (chain(5), "more than 4 times on their way to q5"),
        ([QueueSettings("a", forward_to="A")], "forwarded by a would come back"),
        ([QueueSettings("a", forward_dead_letters_to="b"), QueueSettings("b", forward_to="a")], "would come back"),
        ([TopicSettings("t", (SubscriptionSettings("s", forward_to="t"),))], "forwarded by t would come back"),
        ([QueueSettings("a", forward_to="b")], "a forwards to b, and there is no such queue or topic"),
        (
            [TopicSettings("t", (SubscriptionSettings("s", forward_dead_letters_to="x"),))],
            "t/Subscriptions/s's dead-letter queue forwards to x, and there is no",
        ),
        ([QueueSettings("a", forward_to="b", requires_session=True), QueueSettings("b")], "a has sessions, so it"),
        (
            [QueueSettings("a", forward_dead_letters_to="b"), QueueSettings("b", requires_session=True)],
            "cannot forward to b, which has sessions",
        ),
    ],
)
def test_chains_that_cannot_work_are_refused(entities: list[Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        World(*entities)


def test_the_longest_chain_and_two_ways_to_one_end_are_allowed() -> None:
    World(*chain(4))
    World(QueueSettings("a", forward_to="z", forward_dead_letters_to="z"), QueueSettings("z"))
