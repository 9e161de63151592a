"""Files of the shape Microsoft's emulator reads."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.servicebus import QueueSettings, ServiceBusServer, SharedKey, SubscriptionSettings, TopicSettings
from sandbox.servicebus.broker.rules import Action, CorrelationFilter, Rule, SqlFilter
from sandbox.servicebus.config import Entities, WrongConfig, entities_of, read_config

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
MINE = "queue.2"
RECEIVING = {
    "DeadLetteringOnMessageExpiration": True,
    "DefaultMessageTimeToLive": "PT1H",
    "LockDuration": "PT30S",
    "MaxDeliveryCount": 5,
    "ForwardDeadLetteredMessagesTo": MINE,
    "ForwardTo": "",
    "RequiresSession": True,
}
TOPIC = {"DefaultMessageTimeToLive": "P1DT2H", "DuplicateDetectionHistoryTimeWindow": "PT5M"}


def document(queues: list[Any] | None = None, topics: list[Any] | None = None) -> dict[str, Any]:
    namespace = {"Name": "sbemulatorns", "Queues": queues or [], "Topics": topics or []}
    return {"UserConfig": {"Namespaces": [namespace], "Logging": {"Type": "File"}}}


def with_rule(**properties: Any) -> dict[str, Any]:
    rule = {"Name": "r", "Properties": properties}
    return document(topics=[{"Name": "t", "Subscriptions": [{"Name": "s", "Rules": [rule]}]}])


FULL = document(
    queues=[
        {"Name": "queue.1", "Properties": {**RECEIVING, "RequiresDuplicateDetection": True}},
        {"Name": "queue.2", "Properties": {"ForwardTo": "topic.2"}},
    ],
    topics=[
        {
            "Name": "topic.1",
            "Properties": {**TOPIC, "RequiresDuplicateDetection": True},
            "Subscriptions": [
                {"Name": "plain", "Rules": []},
                {
                    "Name": "ruled",
                    "Properties": RECEIVING,
                    "Rules": [
                        {
                            "Name": "correlated",
                            "Properties": {
                                "FilterType": "Correlation",
                                "CorrelationFilter": {
                                    "ContentType": "application/json",
                                    "Label": "subject1",
                                    "Properties": {"prop": "value", "number": 3},
                                },
                            },
                        },
                        {
                            "Name": "sql",
                            "Properties": {
                                "FilterType": "Sql",
                                "SqlFilter": {"SqlExpression": "sys.MessageId = '1' AND own = 'x'"},
                                "Action": {"SqlExpression": "SET sys.To = 'Entity'"},
                            },
                        },
                    ],
                },
            ],
        },
        {"Name": "topic.2"},
    ],
)


def test_a_file_of_the_emulator_is_read_with_its_defaults(tmp_path: Path) -> None:
    file = tmp_path / "Config.json"
    file.write_text(json.dumps(FULL), "utf-8-sig")
    ruled = SubscriptionSettings(
        "ruled",
        (
            Rule(
                "correlated",
                CorrelationFilter(
                    {"ContentType": "application/json", "Label": "subject1"}, {"prop": "value", "number": 3}
                ),
            ),
            Rule("sql", SqlFilter("sys.MessageId = '1' AND own = 'x'"), Action("SET sys.To = 'Entity'")),
        ),
        timedelta(seconds=30),
        5,
        HOUR,
        True,
        True,
        None,
        MINE,
    )
    entities = read_config(file)
    assert entities == Entities(
        (
            QueueSettings(
                "queue.1", timedelta(seconds=30), 5, timedelta(seconds=20), HOUR, True, True, None, "queue.2"
            ),
            QueueSettings("queue.2", MINUTE, 3, None, HOUR, forward_to="topic.2"),
        ),
        (
            TopicSettings(
                "topic.1",
                (SubscriptionSettings("plain", None, MINUTE, 3, HOUR), ruled),
                timedelta(minutes=5),
                timedelta(hours=26),
            ),
            TopicSettings("topic.2", default_ttl=HOUR),
        ),
    )
    server = ServiceBusServer(entities.queues, [SharedKey("k", "k")], Clock(), topics=entities.topics)
    assert server.counts("TOPIC.1/subscriptions/RULED").active == 0


def test_other_queues_may_stand_beside_those_of_a_file_unless_their_names_are_taken() -> None:
    entities = entities_of(document([{"Name": "A"}], [{"Name": "b"}]))
    more = [QueueSettings("a"), QueueSettings("B"), QueueSettings("c")]
    assert [each.name for each in entities.beside(more).queues] == ["A", "c"]


def test_a_life_longer_than_anybody_waits_has_no_end() -> None:
    longest = {"DefaultMessageTimeToLive": "P10675199DT2H48M5.4775807S"}
    assert entities_of(document([{"Name": "q", "Properties": longest}])).queues[0].default_ttl is None


def properties(**given: Any) -> dict[str, Any]:
    return document([{"Name": "q", "Properties": given}])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "the file is not an object"),
        ({}, "exactly one namespace"),
        ({"UserConfig": {"Namespaces": [{}, {}]}}, "exactly one namespace"),
        ({"UserConfig": {"Namespaces": {}}}, "UserConfig.Namespaces cannot be"),
        (document([{}]), r"Queues\[0\] has no Name"),
        (document([{"Name": "a/$b"}]), "cannot be the name of a queue"),
        (document([{"Name": "a"}, {"Name": "A"}]), "Two entities are named a"),
        (properties(LockDuration="1 minute"), "is not a duration"),
        (properties(LockDuration="PT10M"), "at most 5 minutes"),
        (properties(LockDuration="P"), "is not a duration"),
        (properties(LockDuration="P1M"), "is not a duration"),
        (properties(LockDuration=60), "LockDuration cannot be 60"),
        (properties(MaxDeliveryCount=0), "from 1 to 2000"),
        (properties(MaxDeliveryCount=True), "MaxDeliveryCount cannot be true"),
        (properties(ForwardTo="other"), "Namespaces.0.: q forwards to other, and there is no such queue or topic"),
        (properties(ForwardDeadLetteredMessagesTo="t"), "q's dead-letter queue forwards to t, and there is no such"),
        (properties(EnablePartitioning=True), "EnablePartitioning is not supported"),
        (with_rule(FilterType="Other"), "neither Sql nor Correlation"),
        (with_rule(FilterType="Sql", SqlFilter={"SqlExpression": "a ="}), "a value was expected"),
        (with_rule(FilterType="Sql", SqlFilter={"SqlExpression": "1=1"}, Action={"SqlExpression": "DROP"}), "SET"),
        (with_rule(FilterType="Correlation"), "at least one condition"),
        (with_rule(FilterType="Correlation", CorrelationFilter={"Size": "1"}), "Size is not supported"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(given: Any, sentence: str) -> None:
    with pytest.raises(WrongConfig, match=sentence):
        entities_of(given)


def test_what_is_switched_off_need_not_be_supported() -> None:
    (queue,) = entities_of(properties(EnablePartitioning=False, ForwardTo="", AutoDeleteOnIdle=None)).queues
    assert queue.name == "q"


@pytest.mark.parametrize(("text", "sentence"), [("{", "is not JSON"), (None, "can't be read"), ("[]", "Config.json")])
def test_a_file_that_cannot_be_read_is_named(text: str | None, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "Config.json"
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(WrongConfig, match=sentence):
        read_config(file)
