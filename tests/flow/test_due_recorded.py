"""Where an environment takes no action inside a change set, what is due is recorded first and then called for, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from handlers.fixed_point import Outcome, Settled
from handlers.recorded import InvoiceCalls, Mode
from service.registration import register_command_table
from tests.flow.due_world import FAILED, SUCCESSFUL, DueWorld, still

DAY = date(2020, 10, 5)


@pytest.fixture
def world() -> Iterator[DueWorld]:
    with still(DAY) as sandbox:
        world = DueWorld(sandbox)
        register_command_table(world.signed_in("administrator"))
        yield world


def sweep(world: DueWorld) -> Outcome:
    return world.sweep(dataverse=InvoiceCalls(world.client, lambda: Mode.RECORDED, 1))


def words(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Settled), outcome
    told = outcome.outcome["runs"]
    assert isinstance(told, list)
    return [run["outcome"] for run in told]


def test_rows_and_a_milestone_that_has_none_are_invoiced_once(world: DueWorld) -> None:
    row = world.scheduled(world.time_line, DAY)
    world.milestone("Design", 5000, DAY)
    world.ready(200, DAY - timedelta(days=1))
    assert words(sweep(world)) == ["created"]
    assert words(sweep(world)) == []
    assert (world.invoices(), world.row(row)) == ([(Decimal(5200), 2)], (SUCCESSFUL, True))


def test_what_the_product_refuses_is_refused_and_tried_again_the_next_time(world: DueWorld) -> None:
    row = world.scheduled(world.time_line, DAY)
    world.milestone("Design", 5000, DAY)
    world.ready(200, DAY - timedelta(days=1))
    world.sandbox.switches.failing[world.contract] = "Time-out expired."
    assert words(sweep(world)) == ["refused"]
    assert world.row(row) == (FAILED, False)
    world.sandbox.switches.failing.clear()
    assert words(sweep(world)) == ["created"]
    assert (world.invoices(), world.row(row)) == ([(Decimal(5200), 2)], (SUCCESSFUL, True))
