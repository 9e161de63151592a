"""The acceptance scenarios about corrective invoices. Numbers are the scenarios'."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from sandbox.dataverse.product import Environment
from sandbox.dataverse.product.choices import (
    MilestoneStatus,
    Stage,
    TransactionClass,
)
from sandbox.dataverse.unit_of_work import Refused, Row
from tests.sandbox.dataverse.product.acts import (
    BILLED,
    CHARGEABLE,
    MILESTONE,
    UNBILLED,
    confirmed,
    net_unbilled,
)

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam


def test_scenario_49_a_partial_correction_bills_the_new_total_and_reopens_the_rest(product: Fabrikam) -> None:
    _, invoice = confirmed(product)
    correction = product.correction_of(invoice)
    product.change_quantity(correction, "6")
    product.confirm(correction)
    assert product.ledger()[3:] == [
        (UNBILLED, CHARGEABLE, 2, 400),
        (BILLED, CHARGEABLE, 8, 1600),
        (BILLED, CHARGEABLE, -8, -1600),
        (BILLED, CHARGEABLE, 6, 1200),
    ]
    open_again = product.actuals(UNBILLED)[-1]
    assert (open_again["msdyn_billingstatus"], open_again["msdyn_adjustmentstatus"]) == (None, None)
    assert product.row("invoice", correction)["totalamount"] == -400
    with pytest.raises(Refused, match="nothing on it is billed"):
        product.correction_of(invoice)


def test_a_partial_correction_in_project_operations_shows_what_stays_billed_as_unbilled_too(product: Fabrikam) -> None:
    product.switches.environment = Environment.PROJECT_OPERATIONS
    _, invoice = confirmed(product)
    correction = product.correction_of(invoice)
    product.change_quantity(correction, "6")
    product.confirm(correction)
    assert sorted(product.ledger()[3:]) == sorted(
        [
            (UNBILLED, CHARGEABLE, 6, 1200),
            (UNBILLED, CHARGEABLE, -6, -1200),
            (UNBILLED, CHARGEABLE, 2, 400),
            (BILLED, CHARGEABLE, 8, 1600),
            (BILLED, CHARGEABLE, -8, -1600),
            (BILLED, CHARGEABLE, 6, 1200),
        ]
    )


def test_scenario_50_a_full_credit_reopens_the_hours_and_the_approval(product: Fabrikam) -> None:
    approval, invoice = confirmed(product)
    cancel = {"ActionType": 192350004, "ProjectApprovals": [{"msdyn_projectapprovalid": str(approval)}]}
    with pytest.raises(Refused, match="already been invoiced"):
        product.call_with("msdyn_ProcessProjectApprovalSets", cancel)
    correction = product.correction_of(invoice)
    assert [row["msdyn_quantity"] for row in product.details(correction)] == [0]
    product.confirm(correction)
    assert product.ledger()[3:] == [
        (UNBILLED, CHARGEABLE, 8, 1600),
        (BILLED, CHARGEABLE, 8, 1600),
        (BILLED, CHARGEABLE, -8, -1600),
    ]
    assert product.actuals(UNBILLED)[-1]["msdyn_billingstatus"] is None
    assert product.row("invoice", correction)["totalamount"] == -1600
    product.call_with("msdyn_ProcessProjectApprovalSets", cancel)
    assert product.row("msdyn_projectapproval", approval)["msdyn_recordstage"] == Stage.SUBMITTED
    assert sum(amount for kind, _, _, amount in product.ledger() if kind != BILLED) == 0


def test_what_was_credited_can_be_invoiced_again(product: Fabrikam) -> None:
    _, invoice = confirmed(product)
    product.confirm(product.correction_of(invoice))
    product.ready_all()
    again = product.invoice()
    assert product.row("invoice", again)["totalamount"] == 1600
    product.confirm(again)
    assert net_unbilled(product) == 0


def test_a_credited_milestone_gives_its_tax_back(product: Fabrikam) -> None:
    changes: Row = {"msdyn_invoicestatus": MilestoneStatus.READY, "msdyn_tax": Decimal(950)}
    product.update(MILESTONE, product.milestone, changes)
    invoice = product.invoice()
    product.confirm(invoice)
    totals = [product.row("invoice", id)["totalamount"] for id in (invoice, product.correction_of(invoice))]
    assert totals == [5950, -5950]


def test_scenario_51_a_milestone_is_billed_without_unbilled_sales_and_credited_in_full_only(product: Fabrikam) -> None:
    product.update(MILESTONE, product.milestone, {"msdyn_invoicestatus": MilestoneStatus.READY})
    invoice = product.invoice()
    product.confirm(invoice)
    assert product.ledger() == [(BILLED, CHARGEABLE, 1, 5000)]
    assert product.actuals()[0]["msdyn_transactionclassification"] == TransactionClass.MILESTONE
    assert product.row(MILESTONE, product.milestone)["msdyn_invoicestatus"] == MilestoneStatus.INVOICE_POSTED
    correction = product.correction_of(invoice)
    product.change_quantity(correction, "0.5")
    with pytest.raises(Refused, match="only be credited in full"):
        product.confirm(correction)
    product.change_quantity(correction, "0")
    product.confirm(correction)
    assert product.ledger() == [(BILLED, CHARGEABLE, 1, 5000), (BILLED, CHARGEABLE, -1, -5000)]
    assert product.row(MILESTONE, product.milestone)["msdyn_invoicestatus"] == MilestoneStatus.READY
