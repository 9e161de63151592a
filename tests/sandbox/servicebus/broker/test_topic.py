"""Topics, subscriptions and rules, without a wire."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.servicebus.broker.errors import MessageNotFound, RuleExists, RuleNotFound
from sandbox.servicebus.broker.rules import Action, CorrelationFilter, FalseFilter, Rule, SqlFilter, TrueFilter
from sandbox.servicebus.broker.settings import SubscriptionSettings, TopicSettings
from tests.sandbox.servicebus.broker.queues import SECOND, START
from tests.sandbox.servicebus.broker.topics import World


def subscribed(name: str, *rules: Rule, **changes: object) -> SubscriptionSettings:
    return SubscriptionSettings(name, rules, **changes)  # type: ignore[arg-type]


def test_every_subscription_gets_its_own_copy_and_settles_it_alone() -> None:
    world = World(SubscriptionSettings("a"), SubscriptionSettings("b"))
    world.send(START)
    delivery = world["a"].receive(START)
    assert delivery is not None
    world["a"].complete(delivery.lock_token, START)
    assert (world.ids("a", START), world.ids("b", START)) == ([], ["m"])


def test_a_subscription_takes_what_any_of_its_rules_takes_and_once() -> None:
    world = World(
        subscribed("any", Rule("one", SqlFilter("n > 1")), Rule("other", SqlFilter("n > 2"))),
        subscribed("none"),
        subscribed("never", Rule("no", FalseFilter())),
        subscribed("all", Rule("yes", TrueFilter())),
    )
    for number in (1, 2, 3):
        world.send(START, str(number), user={"n": number})
    assert [world.ids(name, START) for name in ("any", "none", "never", "all")] == [
        ["2", "3"],
        [],
        [],
        ["1", "2", "3"],
    ]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (CorrelationFilter({"Label": "red", "CorrelationId": "high"}), True),
        (CorrelationFilter({"subject": "red"}), True),
        (CorrelationFilter({"Label": "RED"}), False),
        (CorrelationFilter({"To": "x"}), False),
        (CorrelationFilter({}, {"n": 1, "s": "x"}), True),
        (CorrelationFilter({"Label": "red"}, {"n": 2}), False),
        (CorrelationFilter({}, {"N": 1}), False),
        (CorrelationFilter({}, {"n": "1"}), False),
        (CorrelationFilter({}, {"flag": 1}), False),
        (CorrelationFilter({}, {"flag": True}), True),
    ],
)
def test_a_correlation_filter_compares_for_equality(given: CorrelationFilter, taken: bool) -> None:
    world = World(subscribed("s", Rule("r", given)))
    world.send(START, system={"label": "red", "correlationid": "high"}, user={"n": 1, "s": "x", "flag": True})
    assert bool(world.ids("s", START)) is taken


def test_each_rule_with_an_action_makes_a_changed_copy_beside_the_one_of_those_without() -> None:
    world = World(
        subscribed(
            "s",
            Rule("plain", TrueFilter()),
            Rule("plain too", TrueFilter()),
            Rule("first", TrueFilter(), Action("SET color = 'blue'; SET sys.MessageId = 'other'")),
            Rule("second", SqlFilter("1 = 0"), Action("REMOVE color")),
        )
    )
    number = world.send(START, user={"color": "red"})
    copies = world["s"].peek(0, 10, START)
    assert [world.shelf.read(each.content).user for each in copies] == [{"color": "red"}, {"color": "blue"}]
    assert [each.message_id for each in copies] == ["m", "other"]
    assert [each.sequence_number for each in copies] == [1, 2]
    assert {each.enqueued_number for each in copies} == {number}


def test_a_message_a_rule_cannot_be_applied_to_is_put_aside_with_the_reason() -> None:
    world = World(subscribed("strict", Rule("r", SqlFilter("n > 1"))), SubscriptionSettings("all"))
    world.send(START, user={"n": "text"})
    assert world.ids("strict", START) == []
    (dead,) = world["strict"].dead_letters.peek(0, 10, START)
    assert dead.dead_lettering is not None
    assert dead.dead_lettering.reason == "FilterEvaluationException"
    assert "cannot be compared" in dead.dead_lettering.description
    assert world.ids("all", START) == ["m"]


def test_a_message_that_cannot_be_changed_reaches_everyone_else_once_however_often_it_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(
        SubscriptionSettings("before"),
        subscribed("broken", Rule("plain", TrueFilter()), Rule("r", TrueFilter(), Action("SET a = 1"))),
        duplicate_detection_window=timedelta(minutes=1),
    )

    def overflow(*_: object) -> None:
        raise OverflowError("too large")

    monkeypatch.setattr(world.shelf, "write", overflow)
    for _ in range(2):
        world.send(START)
    assert (world.ids("before", START), world.ids("broken", START)) == (["m"], [])
    (dead,) = world["broken"].dead_letters.peek(0, 10, START)
    assert dead.dead_lettering is not None
    assert dead.dead_lettering.description == "too large"


def test_a_scheduled_message_meets_the_rules_when_its_moment_comes() -> None:
    world = World(SubscriptionSettings("s"))
    later = START + SECOND * 10
    kept = world.send(START, "kept", scheduled_for=later)
    dropped = world.send(START, "dropped", scheduled_for=later)
    world.topic.cancel_scheduled([dropped], START)
    with pytest.raises(MessageNotFound):
        world.topic.cancel_scheduled([kept, dropped], START)
    assert [each.message_id for each in world.topic.peek(0, 10, START)] == ["kept"]
    world["s"].add_rule(Rule("changed", FalseFilter()))
    world.restarted()
    assert world.topic.next_moment() == later
    world.topic.advance(later)
    (message,) = world["s"].peek(0, 10, later)
    assert (message.message_id, message.enqueued_at) == ("kept", later)
    assert world.topic.next_moment() is None
    assert world.topic.peek(0, 10, later) == []


def test_a_duplicate_reaches_no_subscription() -> None:
    world = World(SubscriptionSettings("s"), duplicate_detection_window=timedelta(minutes=1))
    assert world.send(START, "m") < world.send(START, "m")
    assert world.ids("s", START) == ["m"]


def test_the_shorter_life_of_topic_and_subscription_counts() -> None:
    world = World(
        SubscriptionSettings("short", default_ttl=SECOND, dead_letter_expired=True),
        SubscriptionSettings("long", default_ttl=SECOND * 100),
        default_ttl=SECOND * 10,
    )
    world.send(START)
    end = START + SECOND
    assert (world.ids("short", end), world.ids("long", end)) == ([], ["m"])
    (dead,) = world["short"].dead_letters.peek(0, 10, end)
    assert dead.dead_lettering is not None
    assert dead.dead_lettering.reason == "TTLExpiredException"
    assert world.ids("long", START + SECOND * 10) == []


def test_a_subscription_with_sessions_puts_aside_what_has_none() -> None:
    world = World(SubscriptionSettings("s", requires_session=True))
    world.send(START, "without")
    world.send(START, "with", system={"sessionid": "one"})
    assert world.ids("s", START) == ["with"]
    (dead,) = world["s"].dead_letters.peek(0, 10, START)
    assert dead.message_id == "without"


def test_rules_come_and_go() -> None:
    world = World(SubscriptionSettings("s"))
    subscription = world["s"]
    assert [rule.name for rule in subscription.rules] == ["$Default"]
    subscription.add_rule(Rule("Mine", SqlFilter("n = 1")))
    with pytest.raises(RuleExists):
        subscription.add_rule(Rule("MINE", TrueFilter()))
    subscription.remove_rule("$default")
    with pytest.raises(RuleNotFound):
        subscription.remove_rule("$default")
    world.send(START, "1", user={"n": 1})
    world.send(START, "2", user={"n": 2})
    assert world.ids("s", START) == ["1"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SubscriptionSettings("a/b"), "cannot be the name of a subscription"),
        (lambda: TopicSettings("t/Subscriptions/s"), "cannot be the name of a topic"),
        (lambda: TopicSettings("t", (SubscriptionSettings("a"), SubscriptionSettings("A"))), "same name"),
        (lambda: SubscriptionSettings("a", (Rule("r", TrueFilter()), Rule("R", TrueFilter()))), "same name"),
        (lambda: Rule("", TrueFilter()), "name of a rule"),
        (lambda: CorrelationFilter(), "at least one"),
        (lambda: CorrelationFilter({"Size": "1"}), "cannot ask for Size"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()  # type: ignore[operator]
