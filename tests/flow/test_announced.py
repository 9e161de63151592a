"""Invoices are announced before their command is ended, and many are commanded by one message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from pydantic import SecretStr

from connector.envelope import Envelope
from connector.errors import Transient
from connector.inbox import Outgoing
from connector.recoverability import Policy
from connector.settlement import Complete, DeadLetter, RedeliverAt
from handlers.announcing import Announcing
from handlers.fixed_point import FixedPoint
from handlers.parsing import parse_command
from handlers.pipeline import Pipeline
from handlers.replies import Ended, Replies
from mappings import keys
from mappings.backlog import Backlog
from mappings.ceiling import Ceiling
from mappings.messages import AnyCommand, CreateInvoices, CreateManyInvoices, LookAtRun, MarkReady
from sandbox.world import COMMANDS, REPLIES
from service.app import compose
from service.local_world import CLERK, PACE, register_in, sandbox_settings
from tests.flow.test_invoices import bill_one_entry, create
from tests.flow.world import World, new_id

DEADLINE = 30.0


class Listener:
    """Keeps what is sent; ``deaf``: so many times nothing can be sent."""

    def __init__(self, deaf: int = 0) -> None:
        self.deaf = deaf
        self.heard: list[tuple[str, Any]] = []

    def send(self, where: str, messages: Sequence[Outgoing]) -> None:
        if self.deaf:
            self.deaf -= 1
            raise Transient("bus-no-answer", "Service Bus did not answer.")
        assert where == "invoices"
        self.heard += [(one.message_id, json.loads(one.body)) for one in messages]

    @property
    def types(self) -> list[str]:
        return [event["type"].removeprefix("psa-connector.invoice.") for _, event in self.heard]


def commands_of(world: World) -> Pipeline:
    return Pipeline(world.client, world.mission, parse_command, Policy(), world.now, FixedPoint(world.client))


def envelope(command: AnyCommand | LookAtRun) -> Envelope:
    return Envelope(str(new_id()), command.model_dump_json().encode(), "application/json", queue="commands")


def obey(world: World, listener: Listener, *commands: CreateInvoices) -> list[Any]:
    """One delivery of each command to a service that announces."""
    pipeline = commands_of(world)
    pipeline.tellers = (Announcing(listener.send, world.now, "invoices"),)
    return pipeline.process([envelope(one) for one in commands])


def test_a_created_invoice_is_announced_once_however_often_its_command_comes(world: World) -> None:
    bill_one_entry(world)
    listener, command = Listener(), create(world)
    for _ in range(2):
        assert isinstance(obey(world, listener, command)[0], Complete)
    (id, event), (again, _) = listener.heard
    assert id == again == event["id"], "duplicate detection drops the second"
    assert event["type"] == "psa-connector.invoice.created"
    assert event["subject"] == f"salesorder({command.contract})"
    assert event["data"]["outcome"]["invoices"][0]["total"] == "1600.00"


def test_a_command_stays_until_its_event_was_sent_and_invoices_nothing_again(world: World) -> None:
    bill_one_entry(world)
    listener, command = Listener(deaf=1), create(world)
    (end,) = obey(world, listener, command)
    assert isinstance(end, RedeliverAt)
    assert (listener.heard, world.invoiced("C1")[0]) == ([], 1)
    (end,) = obey(world, listener, command)
    assert isinstance(end, Complete)
    assert (listener.types, world.invoiced("C1")[0]) == (["created"], 1)


def test_what_was_not_created_is_announced_with_its_reason(world: World) -> None:
    listener = Listener()
    obey(world, listener, create(world))
    bill_one_entry(world)
    world.sandbox.switches.failing[world.company.contracts["C1"]] = "The price list has expired."
    (end,) = obey(world, listener, create(world))
    assert isinstance(end, DeadLetter)
    assert listener.types == ["nothing-to-invoice", "failed"]
    assert "The price list has expired." in listener.heard[1][1]["data"]["failed"]["sentence"]


def test_one_message_invoices_many_contracts_each_once_and_all_is_announced(world: World) -> None:
    """The whole service over queues; events go to a queue of their own."""
    register_in(world.sandbox)
    contracts = world.company.contracts
    for backlog, contract in ((Backlog.MILESTONES, "C2"), (Backlog.PRODUCTS, "C3")):
        world.command(
            MarkReady(command=new_id(), requested_by="clerk", backlog=backlog, contracts=(contracts[contract],))
        )
    run = CreateManyInvoices(command=new_id(), requested_by=CLERK, everything=True, confirmed=True, correlation="7")
    with ServiceBusClient.from_connection_string(world.sandbox.servicebus) as client:
        with client.get_queue_sender(COMMANDS) as sender:
            for id in ("one", "two"):
                sender.send_messages(ServiceBusMessage(run.model_dump_json(exclude_none=True), message_id=id))
        work_until_no_command_waits(world)
        events = received(client, 3)
    assert {key: world.invoiced(key)[0] for key in ("C1", "C2", "C3")} == {"C1": 0, "C2": 1, "C3": 1}
    told = {UUID(event["data"]["contract"]): event["type"].rpartition(".")[2] for event in events}
    assert told == {contracts["C1"]: "nothing-to-invoice", contracts["C2"]: "created", contracts["C3"]: "created"}
    for event in events:
        assert UUID(event["data"]["command"]) == keys.run_command_id(run.command, UUID(event["data"]["contract"]), 0)
        assert event["data"]["correlation"] == "7"
    the_end_of_the_run_is_written_down_and_nobody_is_answered(world, run)


def the_end_of_the_run_is_written_down_and_nobody_is_answered(world: World, run: CreateManyInvoices) -> None:
    listener, pipeline = Listener(), commands_of(world)
    pipeline.replies = Replies(listener.send, world.now, otherwise="invoices")
    (end,) = pipeline.process([envelope(LookAtRun(run=run.command))])
    assert isinstance(end, Complete)
    assert listener.heard == []
    record = world.http("GET", f"psac_commands({keys.run_row_id(run.command)})").json()
    assert record["psac_state"] == "done"
    assert json.loads(record["psac_outcome"])["ended"] == {"created": 2, "nothing-to-invoice": 1}


@pytest.mark.parametrize("confirmed", [False, True])
def test_a_run_above_the_ceiling_is_put_aside_unless_it_was_confirmed(world: World, confirmed: bool) -> None:
    bill_one_entry(world)
    low = Ceiling(250, Decimal(1000))
    world.mission = replace(world.mission, readiness=replace(world.mission.readiness, ceiling=low))
    run = CreateManyInvoices(command=new_id(), requested_by="clerk", everything=True, confirmed=confirmed)
    (end,) = commands_of(world).process([envelope(run)])
    assert isinstance(end, Complete) is confirmed
    assert isinstance(end, Complete) or (isinstance(end, DeadLetter) and end.code == "over-ceiling")


def test_a_dry_run_of_many_tells_what_would_be_invoiced_and_records_nothing(world: World) -> None:
    bill_one_entry(world)
    heard: list[Ended] = []

    class Ear:
        def answer(self, ended: Sequence[Ended]) -> None:
            heard.extend(ended)

    pipeline = commands_of(world)
    pipeline.tellers = (Ear(),)
    run = CreateManyInvoices(command=new_id(), requested_by="clerk", everything=True, dry_run=True)
    pipeline.process([envelope(run)])
    (one,) = heard
    assert one.outcome["sums"] == {"USD": "1600.00"}
    assert one.outcome["with_work"] == 1
    assert world.invoiced("C1")[0] == 0


def received(client: ServiceBusClient, count: int) -> list[Any]:
    found: list[Any] = []
    with client.get_queue_receiver(REPLIES) as receiver:
        while len(found) < count:
            batch = receiver.receive_messages(max_message_count=20, max_wait_time=10)
            assert batch, f"only {len(found)} of {count} came"
            for one in batch:
                found.append(json.loads(b"".join(one.body)))
                receiver.complete_message(one)
        assert receiver.peek_messages(max_message_count=5) == []
    return found


def work_until_no_command_waits(world: World) -> None:
    settings = sandbox_settings(world.sandbox)
    bus = settings.servicebus.model_copy(
        update={"events": REPLIES, "reply_queues": [], "connection_string": SecretStr(world.sandbox.servicebus)}
    )
    app = compose(settings.model_copy(update={"servicebus": bus}), now=world.now, pace=PACE)

    async def work() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        over = await asyncio.to_thread(
            world.sandbox.bus.wait_until,
            COMMANDS,
            lambda counts: counts.active == 0 and counts.locked == 0,
            DEADLINE,
        )
        stop.set()
        await running
        assert over

    try:
        asyncio.run(work())
    finally:
        app.close()
