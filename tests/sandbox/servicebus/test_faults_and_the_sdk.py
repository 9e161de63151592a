"""What the unmodified SDK makes of every fault of the bus; planned as another process does it, with JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import (
    MessageLockLostError,
    OperationTimeoutError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusServerBusyError,
    SessionLockLostError,
)

from tests.sandbox.servicebus.fault_world import PATIENCE, Line, World

Scenario = Callable[[Line], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    world = World([scenario.__name__ for scenario in SCENARIOS])
    yield world
    world.run(world.close())
    world.runner.close()


@pytest.fixture
def world(shared_world: World) -> Iterator[World]:
    yield shared_world
    shared_world.plans.call_off()


async def frames_are_slow(line: Line) -> None:
    line.plan("latency", "send", milliseconds=60, direction="in", times=1)
    line.plan("latency", "confirm", milliseconds=60, times=2)
    line.plan("latency", "deliver", milliseconds=60, direction="in")
    began = time.monotonic()
    await line.send("a")
    assert time.monotonic() - began >= 0.12, "there and back"
    [message] = await line.receive()
    began = time.monotonic()
    await line.receiver.complete_message(message)
    assert time.monotonic() - began >= 0.06


async def a_connection_is_cut_before_a_message_was_taken_in(line: Line) -> None:
    line.plan("drop_connection", "send")
    with pytest.raises(ServiceBusConnectionError):
        await line.send("a")
    assert line.counts() == (0, 0)
    await line.send("b")
    assert line.counts() == (1, 0)


async def a_connection_is_cut_after_a_message_was_taken_in(line: Line) -> None:
    line.plan("drop_connection", "send", carried_out=True)
    with pytest.raises(ServiceBusConnectionError):
        await line.send("a")
    assert line.counts() == (1, 0)


async def a_connection_is_cut_after_a_completion(line: Line) -> None:
    line.plan("drop_connection", "complete", carried_out=True)
    await line.send("a")
    [message] = await line.receive()
    with pytest.raises(ServiceBusError):
        await line.receiver.complete_message(message)
    assert line.counts() == (0, 0)


async def a_connection_is_cut_with_a_message_on_its_way(line: Line) -> None:
    line.plan("drop_connection", "deliver")
    await line.send("a")
    with pytest.raises(ServiceBusError):
        await line.receiver.receive_messages(max_wait_time=5)
    assert line.counts() == (0, 1), "locked for nobody"
    line.world.clock.advance(timedelta(minutes=6))
    [message] = await line.receive()
    assert message.delivery_count == 1


async def links_are_closed_while_nothing_happens(line: Line) -> None:
    await line.send("a")
    line.plan("detach_link", "now", times=2)
    while line.world.plans.listed()[-1]["left"]:
        await asyncio.sleep(0)
    told = await asyncio.gather(line.send("b"), line.receiver.receive_messages(max_wait_time=5), return_exceptions=True)
    assert [isinstance(each, ServiceBusError) for each in told] == [True, True]
    await line.send("b")
    assert [str(message) for message in await line.receive(2)] == ["a", "b"]


async def a_link_closed_at_a_settlement_is_settled_by_management(line: Line) -> None:
    line.plan("detach_link", "complete")
    await line.send("a")
    [message] = await line.receive()
    await line.receiver.complete_message(message)
    assert line.counts() == (0, 0)


async def a_lock_is_lost_before_a_completion(line: Line) -> None:
    line.plan("lose_lock")
    await line.send("a")
    [message] = await line.receive()
    with pytest.raises(MessageLockLostError):
        await line.receiver.complete_message(message)
    [again] = await line.receive()
    assert again.delivery_count == 1


async def a_lock_is_lost_before_its_renewal(line: Line) -> None:
    line.plan("lose_lock", "renew-lock")
    await line.send("a")
    [message] = await line.receive()
    with pytest.raises(MessageLockLostError):
        await line.receiver.renew_message_lock(message)
    assert line.counts() == (1, 0)


async def a_lock_is_lost_on_the_way(line: Line) -> None:
    line.plan("lose_lock", "deliver")
    await line.send("a")
    [message] = await line.receive()
    with pytest.raises(MessageLockLostError):
        await line.receiver.complete_message(message)
    assert line.counts() == (1, 0)


async def a_settlement_is_refused(line: Line) -> None:
    line.plan("refuse_settlement", "abandon", description="Not today.")
    await line.send("a")
    [message] = await line.receive()
    with pytest.raises(ServiceBusError, match=r"Not today\..*amqp:internal-error"):
        await line.receiver.abandon_message(message)
    assert line.counts() == (0, 1)


async def a_confirmation_is_swallowed_and_the_message_is_gone(line: Line) -> None:
    line.plan("swallow_confirmation", "complete")
    await line.send("a")
    [message] = await line.receive()
    with pytest.raises(MessageLockLostError):
        await line.receiver.complete_message(message)
    assert line.counts() == (0, 0), "the SDK asked by management, and was told that nothing is locked"


async def a_completion_is_swallowed_and_done_by_management(line: Line) -> None:
    line.plan("swallow_confirmation", carried_out=False)
    await line.send("a")
    [message] = await line.receive()
    await line.receiver.complete_message(message)
    assert line.counts() == (0, 0)


async def a_send_is_never_confirmed(line: Line) -> None:
    line.plan("swallow_confirmation", "send")
    with pytest.raises(OperationTimeoutError):
        await line.sender.send_messages(ServiceBusMessage("a"), timeout=PATIENCE)
    assert line.counts() == (1, 0)


async def a_request_is_never_answered(line: Line) -> None:
    line.plan("swallow_confirmation", "peek-message", carried_out=False)
    with pytest.raises(ServiceBusError):
        await line.receiver.peek_messages(timeout=PATIENCE)


async def the_service_is_busy(line: Line) -> None:
    await line.send("a")
    [message] = await line.receive()
    for operation in ("send", "settle", "peek-message", "credit", "attach"):
        line.plan("server_busy", operation)
    with pytest.raises(ServiceBusServerBusyError):
        await line.receiver.abandon_message(message)
    with pytest.raises(ServiceBusServerBusyError):
        await line.world.client.get_queue_receiver(line.name).receive_messages(max_wait_time=5)
    with pytest.raises(ServiceBusServerBusyError):
        await line.receiver.peek_messages()
    with pytest.raises(ServiceBusServerBusyError):
        await line.receiver.receive_messages(max_wait_time=5)
    with pytest.raises(ServiceBusError):
        await line.send("b")
    assert line.counts() == (0, 1)


async def messages_are_doubled_past_duplicate_detection(line: Line) -> None:
    line.plan("duplicate", "send", times=None, probability=0.5, seed=4)
    await line.send(*"abcdefgh")
    await line.send("a")
    assert line.counts() == (8 + line.world.plans.listed()[-1]["struck"], 0)


async def messages_overtake_each_other(line: Line) -> None:
    line.plan("reorder", times=2)
    await line.send("a", "b", "c", "d")
    messages = [(str(message), message.delivery_count) for message in await line.receive(4)]
    assert messages == [("b", 0), ("c", 0), ("a", 0), ("d", 0)]


SCENARIOS: dict[Scenario, list[int]] = {
    frames_are_slow: [1, 2, 0],
    a_connection_is_cut_before_a_message_was_taken_in: [1],
    a_connection_is_cut_after_a_message_was_taken_in: [1],
    a_connection_is_cut_after_a_completion: [1],
    a_connection_is_cut_with_a_message_on_its_way: [1],
    links_are_closed_while_nothing_happens: [2],
    a_link_closed_at_a_settlement_is_settled_by_management: [1],
    a_lock_is_lost_before_a_completion: [1],
    a_lock_is_lost_before_its_renewal: [1],
    a_lock_is_lost_on_the_way: [1],
    a_settlement_is_refused: [1],
    a_confirmation_is_swallowed_and_the_message_is_gone: [1],
    a_completion_is_swallowed_and_done_by_management: [1],
    a_send_is_never_confirmed: [1],
    a_request_is_never_answered: [1],
    the_service_is_busy: [1, 1, 1, 1, 1],
    messages_are_doubled_past_duplicate_detection: [6],
    messages_overtake_each_other: [2],
}
"""Each with how often its faults strike."""


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_the_sdk_meets_every_fault_and_it_is_counted(world: World, scenario: Scenario) -> None:
    world.run(scenario(world.lines[scenario.__name__]))
    assert [fault["struck"] for fault in world.plans.listed()] == SCENARIOS[scenario]


def test_a_session_that_is_lost_closes_its_receiver_and_its_messages_wait_for_the_next(world: World) -> None:
    async def scenario() -> None:
        async with world.client.get_queue_sender("sessions") as sender:
            await sender.send_messages(ServiceBusMessage("a", session_id="s"))
        async with world.client.get_queue_receiver("sessions", session_id="s") as receiver:
            [message] = await receiver.receive_messages(max_wait_time=5)
            world.plans.plan({"fault": "lose_lock", "entity": "sessions", "operation": "renew-session-lock"})
            with pytest.raises(SessionLockLostError):
                await receiver.session.renew_lock()
            with pytest.raises(SessionLockLostError):
                await receiver.complete_message(message)
        assert world.server.counts("sessions").active == 1

    world.run(scenario())
    assert [fault["struck"] for fault in world.plans.listed()] == [1]
