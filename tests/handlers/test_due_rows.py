"""The schedule rows say which invoice they came on, and where they can't, that is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from connector.dataverse.changes import ChangeSet, Reference, Update
from connector.errors import ConnectorError, Misconfigured, Rejected, Transient
from handlers.due_facts import ACTION
from handlers.due_invoices import DueInvoices
from handlers.fixed_point import FixedPoint
from handlers.invoicing import InvoicingHandler
from handlers.recorded import InvoiceCalls, Mode
from tests.handlers.fake_dataverse import Rows
from tests.handlers.invoice_drawn_up import draw_up
from tests.handlers.test_due_invoices import COMMAND, SCHEDULE, TODAY, Due, midnight, runs
from tests.handlers.world import CUSTOMER, OTHER_CUSTOMER, PROJECT, ZONE, World, new

SUCCESSFUL = 192350001


@pytest.fixture
def due(world: World) -> Due:
    return Due(world)


@pytest.mark.parametrize("product_writes", [True, False])
def test_of_several_customers_each_row_names_the_invoice_that_bills_it(due: Due, product_writes: bool) -> None:
    dataverse, fresh = due.world.dataverse, due.world.fresh
    contract, line = due.contract(0, TODAY), new("salesorderdetail", 300)
    (row,), (actual,) = dataverse.rows.of(SCHEDULE), dataverse.rows.of("msdyn_actual")
    dataverse.put(line, **World.line_of(PROJECT, contract))
    other_row, other_actual = fresh(SCHEDULE), fresh("msdyn_actual")
    dataverse.put(
        other_row,
        msdyn_contractlineid=line,
        msdyn_invoicerundate=midnight(TODAY),
        msdyn_invoicerunstatus=192350000,
    )
    same = {name: value for name, value in dataverse.get(actual).items() if name.startswith(("msdyn", "trans"))}
    dataverse.put(other_actual, **same | {"msdyn_salescontractlineid": line, "msdyn_accountcustomer": OTHER_CUSTOMER})
    made: dict[Reference, Reference] = {}

    def invoices(rows: Rows, of: Reference) -> None:
        """The second invoice bills the first row, so that taking any one of them would be wrong."""
        for taken, on, customer in ((other_actual, other_row, OTHER_CUSTOMER), (actual, row, CUSTOMER)):
            invoice = made[on] = fresh("invoice")
            number = f"INV-{len(made)}"
            rows.put(invoice, {"salesorderid": of, "customerid": customer, "invoicenumber": number})
            draw_up(rows, invoice, of, [taken], fresh)
            if product_writes:
                rows.put(on, {"msdyn_invoicerunstatus": SUCCESSFUL, "msdyn_invoice": invoice})

    dataverse.actions[ACTION] = invoices
    handler = DueInvoices(InvoicingHandler(lambda: dataverse.rows.now, ZONE, several=True))
    (run,) = runs(handler.settle([COMMAND], FixedPoint(InvoiceCalls(due, lambda: Mode.FENCE, 4)))[COMMAND])
    assert len(run["invoices"]) == 2
    for one in (row, other_row):
        assert dataverse.get(one)["msdyn_invoice"] == made[one]
        assert dataverse.get(one)["msdyn_invoicerunstatus"] == SUCCESSFUL


@pytest.mark.parametrize(
    "refusal",
    [
        Rejected("0x80040265", "The period is closed."),
        Misconfigured("missing-privilege", "prvWriteRow"),
        Transient("server-error", "A plug-in fails."),
    ],
)
def test_a_row_that_may_not_be_written_is_told_with_the_invoice(
    due: Due, refusal: ConnectorError, monkeypatch: pytest.MonkeyPatch
) -> None:
    due.contract(0, TODAY)
    (row,) = due.world.dataverse.rows.of(SCHEDULE)
    commit = due.commit

    def refusing(change_sets: Sequence[ChangeSet]) -> list[Any]:
        only = change_sets[0].changes[-1]
        if isinstance(only, Update) and only.row == row:
            return [refusal]
        return commit(change_sets)

    monkeypatch.setattr(due, "commit", refusing)
    (run,) = runs(due.sweep())
    assert run["outcome"] == "created"
    (warning,) = run["warnings"]
    assert str(row.id) in warning
    assert warning.endswith(refusal.sentence)
    assert due.world.dataverse.get(row)["msdyn_invoicerunstatus"] != SUCCESSFUL


def test_the_milestone_decides_where_lines_are_the_same(due: Due) -> None:
    """Two milestones of one line, billed to two customers."""
    dataverse, fresh = due.world.dataverse, due.world.fresh
    contract, line = due.contract(0), new("salesorderdetail", 200)
    rows = {}
    for number in range(2):
        milestone, row = fresh("msdyn_contractlinescheduleofvalue"), fresh(SCHEDULE)
        dataverse.put(
            milestone,
            msdyn_name=f"M{number}",
            msdyn_contractlineid=line,
            msdyn_contract=contract,
            msdyn_amount=Decimal(100),
            msdyn_invoicestatus=192350001,
            msdyn_invoicedate=midnight(TODAY - timedelta(days=1)),
        )
        dataverse.put(
            row,
            msdyn_contractlineid=line,
            msdyn_contractlinescheduleofvalue=milestone,
            msdyn_invoicerundate=midnight(TODAY),
            msdyn_invoicerunstatus=192350000,
        )
        rows[milestone] = row
    made: dict[Reference, Reference] = {}

    def invoices(cells: Rows, of: Reference) -> None:
        for milestone in reversed(rows):
            invoice = made[rows[milestone]] = fresh("invoice")
            cells.put(invoice, {"salesorderid": of, "invoicenumber": f"INV-{len(made)}"})
            draw_up(cells, invoice, of, [milestone], fresh)

    dataverse.actions[ACTION] = invoices
    handler = DueInvoices(InvoicingHandler(lambda: dataverse.rows.now, ZONE, several=True))
    handler.settle([COMMAND], FixedPoint(InvoiceCalls(due, lambda: Mode.FENCE, 4)))
    assert {row: dataverse.get(row).get("msdyn_invoice") for row in made} == made
