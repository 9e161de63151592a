"""Whoever gives a command is told what came of it, once, before its message ends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from connector.errors import ConnectorError, Misconfigured, Rejected, Transient, UnknownOutcome
from connector.inbox import Outgoing
from connector.settlement import Complete, DeadLetter, RedeliverAt
from handlers.replies import Replies
from mappings.replies import MOST_BYTES, Reply
from tests.handlers.envelopes import NOW, envelope
from tests.handlers.service import BUSY, Service
from tests.handlers.test_readiness import command, sales, told
from tests.handlers.world import World


class Sent:
    """What was sent, by queue; ``failure`` is raised instead."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, Outgoing]] = []
        self.failure: Exception | None = None

    def send(self, queue: str, messages: Sequence[Outgoing]) -> None:
        """Keep them."""
        if self.failure is not None:
            raise self.failure
        self.messages += [(queue, one) for one in messages]

    @property
    def bodies(self) -> list[Any]:
        """The events as JSON."""
        return [json.loads(one.body) for _, one in self.messages]


@pytest.fixture
def sent(service: Service) -> Sent:
    """Answers go to the queue ``flow`` if a message names it, else to ``everybody``."""
    outbox = Sent()
    service.commands.replies = Replies(outbox.send, lambda: NOW, frozenset({"flow"}), "everybody")
    return outbox


def given(world: World, **values: Any) -> Any:
    """A message with a command to mark one open row."""
    told = command(sales(world)).model_dump(mode="json") | {"correlation": "case 7"}
    return replace(envelope(told), **values)


def test_what_was_brought_is_told_as_a_cloud_event(service: Service, sent: Sent) -> None:
    message = given(service.world)
    (end,) = service.commands.process([message])
    assert isinstance(end, Complete)
    ((queue, answer),) = sent.messages
    (body,) = sent.bodies
    assert queue == "everybody"
    assert (body["specversion"], body["type"], body["source"]) == ("1.0", "psa-connector.command.done", "psa-connector")
    asked = json.loads(message.body)
    assert body["subject"] == body["data"]["command"] == asked["command"]
    assert body["data"]["outcome"]["marked"] == asked["rows"]
    assert body["data"]["correlation"] == answer.correlation_id == "case 7"
    assert body["id"] == answer.message_id
    assert answer.content_type.startswith("application/cloudevents+json")
    assert Reply.model_validate_json(answer.body).data.command == UUID(asked["command"])


def test_the_queue_a_message_names_is_answered(service: Service, sent: Sent) -> None:
    service.commands.process([given(service.world, reply_to="flow")])
    assert [queue for queue, _ in sent.messages] == ["flow"]


def test_a_message_that_names_any_other_queue_is_put_aside_and_not_obeyed(service: Service, sent: Sent) -> None:
    (end,) = service.commands.process([given(service.world, reply_to="approvals")])
    assert isinstance(end, DeadLetter)
    assert end.code == "unknown-reply-queue"
    assert not sent.messages
    assert not service.world.dataverse.committed


def test_a_second_delivery_is_answered_the_same_under_the_same_id(service: Service, sent: Sent) -> None:
    message = given(service.world)
    for _ in range(2):
        service.commands.process([message])
    first, second = sent.bodies
    assert first == second
    assert service.world.dataverse.writes_to("msdyn_actual") == 1


def test_a_command_that_can_not_be_read_is_refused_by_an_answer_too(service: Service, sent: Sent) -> None:
    service.commands.process([replace(envelope({"kind": "mark-ready"}), reply_to="flow", correlation_id="mine")])
    ((queue, answer),) = sent.messages
    (body,) = sent.bodies
    assert (queue, body["type"], answer.correlation_id) == ("flow", "psa-connector.command.refused", "mine")
    assert body["data"]["refused"]["code"] == "unreadable-command"
    assert "requested_by is missing." in body["data"]["refused"]["sentence"]
    assert "command" not in body["data"]


def test_a_command_that_can_not_be_read_is_known_by_what_it_says_of_itself(service: Service, sent: Sent) -> None:
    id = "33333333-3333-4333-8333-333333333333"
    service.commands.process([envelope({"kind": "mark-all", "command": id, "correlation": "case 7"})])
    ((_, answer),) = sent.messages
    (body,) = sent.bodies
    assert (body["subject"], body["data"]["command"], body["data"]["correlation"]) == (id, id, "case 7")
    assert answer.correlation_id == "case 7"


@pytest.mark.parametrize(
    "body",
    [{"command": "1", "correlation": 7}, {"correlation": "x" * 201}, {"correlation": ""}, ["command"], "{" * 9999],
)
def test_what_is_no_id_and_no_correlation_is_not_taken_for_one(service: Service, sent: Sent, body: object) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    service.commands.process([replace(envelope({}), body=raw, correlation_id="mine")])
    ((_, answer),) = sent.messages
    (told,) = sent.bodies
    assert answer.correlation_id == "mine"
    assert set(told["data"]) == {"version", "refused"}


def test_an_outcome_too_large_for_a_queue_is_answered_in_short_and_recorded_in_full(
    service: Service, sent: Sent
) -> None:
    world = service.world
    missing = [world.fresh("msdyn_actual").id for _ in range(4000)]
    fine = sales(world)
    asked = command(fine, *missing)
    (end,) = service.commands.process([envelope(asked.model_dump(mode="json"))])
    assert isinstance(end, Complete)
    ((_, answer),) = sent.messages
    assert len(answer.body) < MOST_BYTES
    (body,) = sent.bodies
    outcome = body["data"]["outcome"]
    assert (outcome["shortened"], outcome["counts"], outcome["marked"]) == (True, {"refused": 4000}, [str(fine)])
    assert "refused" not in outcome
    assert len(told(world, asked)["refused"]) == 4000


GONE = Misconfigured("bus-queue", "Service Bus has no queue flow, or it is disabled.")
TOO_LARGE = Rejected("bus-too-large", "A message is larger than flow takes.")


@pytest.mark.parametrize("failure", [BUSY, GONE])
def test_an_answer_that_can_not_be_sent_keeps_the_message_and_does_not_pause(
    service: Service, sent: Sent, failure: Transient | Misconfigured
) -> None:
    sent.failure = failure
    message = given(service.world)
    (kept,) = service.commands.process([message])
    assert isinstance(kept, RedeliverAt)
    assert kept.attempt == (1 if failure is BUSY else 0), "what waits for a person spends no attempt"
    sent.failure = None
    (done,) = service.commands.process([message])
    assert isinstance(done, Complete)
    assert len(sent.messages) == 1
    assert service.world.dataverse.writes_to("msdyn_actual") == 1


@pytest.mark.parametrize("failure", [BUSY, GONE, TOO_LARGE, UnknownOutcome("bus-no-answer", "No answer.")])
@pytest.mark.parametrize("bad_first", [True, False])
def test_a_queue_that_takes_no_answer_delays_nobody_who_is_answered_elsewhere(
    service: Service, sent: Sent, failure: ConnectorError, bad_first: bool
) -> None:
    def send(queue: str, messages: Sequence[Outgoing]) -> None:
        if queue == "flow":
            raise failure
        sent.send(queue, messages)

    assert service.commands.replies is not None
    service.commands.replies = replace(service.commands.replies, send=send)
    bad = replace(envelope({"kind": "mark-ready"}), message_id="bad", reply_to="flow")
    good = given(service.world, message_id="good")
    ends = service.commands.process([bad, good] if bad_first else [good, bad])
    of_bad, of_good = ends if bad_first else reversed(ends)
    assert isinstance(of_good, Complete)
    assert isinstance(of_bad, DeadLetter if failure is TOO_LARGE else RedeliverAt)
    assert [queue for queue, _ in sent.messages] == ["everybody"]


def test_one_answer_that_is_not_taken_keeps_none_of_the_others_in_its_queue(service: Service, sent: Sent) -> None:
    def send(queue: str, messages: Sequence[Outgoing]) -> None:
        if any(one.correlation_id == "large" for one in messages):
            raise TOO_LARGE
        sent.send(queue, messages)

    assert service.commands.replies is not None
    service.commands.replies = replace(service.commands.replies, send=send)
    large = replace(envelope({"kind": "mark-ready"}), message_id="large", correlation_id="large")
    ends = service.commands.process([large, given(service.world)])
    assert isinstance(ends[0], DeadLetter)
    assert ends[0].code == "unreadable-command", "it is put aside for its own reason"
    assert isinstance(ends[1], Complete)
    assert len(sent.messages) == 1


def test_what_is_tried_again_is_not_answered_yet(service: Service, sent: Sent) -> None:
    service.world.dataverse.query_faults = [BUSY] * 20
    (end,) = service.commands.process([given(service.world)])
    assert isinstance(end, RedeliverAt)
    assert not sent.messages


def test_without_a_queue_nobody_is_told(service: Service, sent: Sent) -> None:
    service.commands.replies = Replies(sent.send, lambda: NOW)
    (end,) = service.commands.process([given(service.world)])
    assert isinstance(end, Complete)
    assert not sent.messages
