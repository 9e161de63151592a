"""A ready milestone whose day has come is invoiced, or it is said why it never will be."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference
from connector.errors import UnknownOutcome
from handlers.due_facts import ACTION
from handlers.due_milestones import told_apart
from handlers.fixed_point import Settled, Unsettled
from handlers.recorded import Mode
from mappings.row import Row
from mappings.tables import Cell, Ref
from tests.handlers.fake_dataverse import Rows
from tests.handlers.invoice_drawn_up import MILESTONE, draw_up
from tests.handlers.test_due_invoices import COMMAND, SCHEDULE, TODAY, Due, midnight, runs, words
from tests.handlers.world import ZONE, World, new

READY, NOT_RUN, SUCCESSFUL = 192350001, 192350000, 192350001
AGAIN = COMMAND.model_copy(update={"command": UUID(int=5, version=4)})


@pytest.fixture
def due(world: World) -> Due:
    due = Due(world)

    def invoices(rows: Rows, contract: Reference) -> None:
        invoice = world.fresh("invoice")
        rows.put(invoice, {"salesorderid": contract, "invoicenumber": "INV"})
        draw_up(rows, invoice, contract, list(rows.of(MILESTONE)), world.fresh)

    world.dataverse.actions[ACTION] = invoices
    return due


def milestone(due: Due, contract: Reference, **more: Any) -> Reference:
    """One that is ready, on the contract's only line."""
    one = due.world.fresh(MILESTONE)
    values = {
        "msdyn_name": "Design",
        "msdyn_contractlineid": new("salesorderdetail", 200),
        "msdyn_contract": contract,
        "msdyn_amount": Decimal(5000),
        "msdyn_invoicestatus": READY,
        "msdyn_invoicedate": midnight(TODAY),
    }
    due.world.dataverse.put(one, **values | more)
    return one


def planned(due: Due, of: Reference, **values: Any) -> Reference:
    row = due.world.fresh(SCHEDULE)
    line = new("salesorderdetail", 200)
    due.world.dataverse.put(row, msdyn_contractlineid=line, msdyn_contractlinescheduleofvalue=of, **values)
    return row


def left_out(outcome: object) -> list[Any]:
    assert isinstance(outcome, Settled)
    told: Any = outcome.outcome["unfit"]
    return list(told)


def test_a_milestone_that_names_no_line_is_told(due: Due) -> None:
    contract = due.contract(0)
    one = milestone(due, contract, msdyn_contractlineid=None)
    outcome = due.sweep()
    assert words(outcome) == []
    assert left_out(outcome) == [
        {
            "table": MILESTONE,
            "row": str(one.id),
            "day": TODAY.isoformat(),
            "contract": str(contract.id),
            "why": "It names no contract line.",
        }
    ]
    other = AGAIN.model_copy(update={"contracts": (due.contract(1).id,)})
    assert left_out(due.sweep(command=other)) == []


def test_a_milestone_on_a_contract_that_was_lost_is_told(due: Due) -> None:
    contract = due.contract(0)
    due.world.dataverse.put(contract, statecode=2)
    milestone(due, contract)
    (unfit,) = left_out(due.sweep())
    assert "lost, abandoned or canceled" in unfit["why"]


def test_a_milestone_that_is_ready_again_is_told_until_its_row_is_to_run_again(due: Due) -> None:
    dataverse = due.world.dataverse
    one = milestone(due, due.contract(0))
    first = due.sweep()
    assert (words(first), left_out(first)) == (["created"], [])
    (row,) = dataverse.rows.of(SCHEDULE)
    # Its draft is deleted, which puts it back to ready.
    for table in ("invoice", "invoicedetail", "msdyn_invoicelinetransaction", "msdyn_transactionorigin"):
        for gone in list(dataverse.rows.of(table)):
            del dataverse.rows.cells[gone]
    dataverse.put(one, msdyn_invoicestatus=READY)
    dataverse.later(days=3)
    outcome = due.sweep(command=AGAIN)
    (unfit,) = left_out(outcome)
    assert (words(outcome), unfit["table"], unfit["row"]) == ([], MILESTONE, str(one.id))
    assert str(row.id) in unfit["why"]
    assert "back to Not Run" in unfit["why"]
    dataverse.put(row, msdyn_invoicerunstatus=NOT_RUN, msdyn_invoice=None)
    again = due.sweep(command=AGAIN.model_copy(update={"command": UUID(int=6, version=4)}))
    assert (words(again), left_out(again)) == (["created"], [])


def test_a_milestone_is_left_to_its_row_unless_that_has_no_day(due: Due) -> None:
    contract = due.contract(0)
    later, never = (milestone(due, contract) for _ in range(2))
    planned(due, later, msdyn_invoicerunstatus=NOT_RUN, msdyn_invoicerundate=midnight(TODAY + timedelta(days=9)))
    row = planned(due, never, msdyn_invoicerunstatus=NOT_RUN)
    outcome = due.sweep()
    (unfit,) = left_out(outcome)
    assert (words(outcome), unfit["row"]) == ([], str(never.id))
    assert unfit["why"] == f"It is ready, but {SCHEDULE}({row.id}), which plans it, has no run date."


def test_a_milestone_that_was_called_for_is_not_told_to_be_left_out(due: Due) -> None:
    contract = due.contract(0)
    one = milestone(due, contract)
    due.trouble[contract] = UnknownOutcome("timed-out", "No answer.")
    assert isinstance(due.sweep(mode=Mode.RECORDED), Unsettled)
    # The product has written the row, and not the milestone.
    planned(due, one, msdyn_invoicerunstatus=SUCCESSFUL, msdyn_invoicerundate=midnight(TODAY))
    due.world.dataverse.later(minutes=31)
    outcome = due.sweep(command=AGAIN, mode=Mode.RECORDED)
    assert [run["outcome"] for run in runs(outcome)] == ["in-doubt"]
    assert left_out(due.sweep(command=AGAIN.model_copy(update={"command": UUID(int=7, version=4)}))) == []


def test_a_row_that_ran_while_it_was_read_is_no_mistake() -> None:
    id, plan = UUID(int=1, version=4), UUID(int=2, version=4)
    ready = Row(Ref(MILESTONE, id), "", {"msdyn_invoicedate": midnight(TODAY)})
    cells: dict[str, Cell] = {
        "msdyn_contractlinescheduleofvalue": Ref(MILESTONE, id),
        "msdyn_invoicerunstatus": SUCCESSFUL,
    }
    ran = Row(Ref(SCHEDULE, plan), "", {**cells, "msdyn_invoicerundate": midnight(TODAY)})
    assert told_apart([ready], [ran], {plan}, {}, ZONE).unfit == ()
    assert len(told_apart([ready], [ran], set(), {}, ZONE).unfit) == 1
