"""The product answers, or writes a header, before it has taken every row: nobody takes that for a finished invoice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connector.dataverse.changes import Reference
from handlers import due_facts
from handlers.fixed_point import Outcome, Settled, Unsettled
from handlers.half_made import SETTLING
from handlers.invoicing import ACTION, PATIENCE
from handlers.recorded import InvoiceCalls, Mode
from tests.handlers.fake_dataverse import Rows
from tests.handlers.invoice_drawn_up import draw_up
from tests.handlers.test_due_invoices import SCHEDULE, TODAY, Due, words
from tests.handlers.test_invoicing import ONE, TWO, brought, command, give, ready
from tests.handlers.world import READY, World

SUCCESSFUL = 192350001


class Slowly:
    """A product that puts the first ``at_once`` ready rows on the invoice, and the rest when it gets to it."""

    def __init__(self, world: World, at_once: int, action: str = ACTION) -> None:
        self._world, self._at_once = world, at_once
        self._left: list[Callable[[], None]] = []
        world.dataverse.actions[action] = self._invoice

    def _invoice(self, rows: Rows, contract: Reference) -> Reference:
        invoice = self._world.fresh("invoice")
        rows.put(invoice, {"salesorderid": contract, "invoicenumber": f"INV-{len(rows.of('invoice'))}"})
        taken = [row for row, cells in rows.of("msdyn_actual").items() if cells["msdyn_billingstatus"] == READY]
        draw_up(rows, invoice, contract, taken[: self._at_once], self._world.fresh)

        def finish() -> None:
            rows = self._world.dataverse.rows
            for table in ("invoicedetail", "msdyn_invoicelinetransaction"):
                for row in rows.of(table):
                    del rows.cells[row]
            draw_up(rows, invoice, contract, taken, self._world.fresh)

        self._left.append(finish)
        return invoice

    def finish(self) -> None:
        """It gets to the rest."""
        while self._left:
            self._left.pop()()


def waits(outcome: Outcome) -> bool:
    """Nothing is decided yet."""
    return isinstance(outcome, Unsettled) and outcome.failure.code == "not-yet"


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("at_once", [0, 1])
def test_an_invoice_that_lacks_rows_is_waited_for_and_nobody_else_calls(world: World, at_once: int, mode: Mode) -> None:
    slowly, through = Slowly(world, at_once), InvoiceCalls(world.dataverse, lambda: mode)
    ready(world)
    ready(world)
    (outcome,) = world.command(command(ONE), through=through)
    assert waits(outcome)
    assert give(world, command(TWO), through=through) == [("already-running", [])]
    slowly.finish()
    assert give(world, command(ONE), through=through) == [("created", [row.id for row in world.invoices()])]
    assert world.dataverse.calls() == 1


@pytest.mark.parametrize(("at_once", "limit"), [(1, SETTLING), (0, PATIENCE)])
def test_what_an_invoice_lacks_for_long_is_told(world: World, at_once: int, limit: Any) -> None:
    Slowly(world, at_once)
    ready(world)
    ready(world)
    assert waits(world.command(command())[0])
    world.dataverse.later(seconds=limit.total_seconds() - 1)
    assert waits(world.command(command())[0])
    world.dataverse.later(seconds=1)
    (outcome,) = world.command(command())
    assert brought(outcome) == ("created-differs", [row.id for row in world.invoices()])
    assert isinstance(outcome, Settled)
    kinds = [one["kind"] for one in outcome.outcome["differences"]]  # type: ignore[attr-defined]
    assert kinds.count("missing") == 2 - at_once


def test_where_the_product_takes_only_what_is_past_what_is_dated_today_is_not_waited_for(world: World) -> None:
    Slowly(world, at_once=1)
    ready(world)
    ready(world, msdyn_startdatetime=world.dataverse.rows.now)
    assert give(world, command())[0][0] == "created"


def test_of_what_is_dated_today_all_is_waited_for_once_some_of_it_is_taken(world: World) -> None:
    Slowly(world, at_once=1)
    ready(world, msdyn_startdatetime=world.dataverse.rows.now)
    ready(world, msdyn_startdatetime=world.dataverse.rows.now)
    assert waits(world.command(command())[0])


def test_schedule_rows_name_an_invoice_only_when_it_is_whole(world: World) -> None:
    due = Due(world)
    due.contract(0, TODAY)
    slowly = Slowly(world, 0, due_facts.ACTION)
    due.sweep()
    (row,) = world.dataverse.rows.of(SCHEDULE).values()
    assert (row["msdyn_invoicerunstatus"], row.get("msdyn_invoice")) == (192350000, None)
    slowly.finish()
    assert words(due.sweep()) == ["created"]
    (row,) = world.dataverse.rows.of(SCHEDULE).values()
    assert (row["msdyn_invoicerunstatus"], row["msdyn_invoice"]) == (SUCCESSFUL, next(iter(world.invoices())))
    assert len(due.called) == 1
