"""Correction journals, entry journals, and contracts that are confirmed or lost."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.company.names import company_id
from sandbox.dataverse.product import Creation
from sandbox.dataverse.product.business_dates import midnight
from sandbox.dataverse.product.choices import (
    BillingStatus,
    BillingType,
    ContractState,
    JournalType,
    TransactionClass,
    TransactionType,
)
from sandbox.dataverse.product.traces import originate
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Cell, Link, Refused, Row

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

COST, UNBILLED = TransactionType.COST, TransactionType.UNBILLED_SALES
CHARGEABLE, NOT_AVAILABLE = BillingType.CHARGEABLE, BillingType.NOT_AVAILABLE


def approved(fabrikam: Fabrikam) -> tuple[UUID, UUID]:
    entry, approval = fabrikam.submitted_time()
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)
    return entry, approval


def journal(fabrikam: Fabrikam, kind: int, *chosen: Link, **values: Cell) -> UUID:
    with fabrikam.server.transaction() as work:
        id = work.create("msdyn_journal", {"msdyn_description": "March", "msdyn_journaltype": kind, **values})
        for entry in chosen:
            originate(work, entry, Link("msdyn_journal", id))
        return id


def to_project(name: str) -> Link:
    return Link("msdyn_project", company_id("msdyn_project", name))


def by_project(fabrikam: Fabrikam, project: str) -> list[tuple[Cell, Cell, Cell]]:
    rows = [row for row in fabrikam.actuals() if row["msdyn_project"] == to_project(project)]
    return [(row["msdyn_transactiontypecode"], row["msdyn_billingtype"], row["msdyn_amount"]) for row in rows]


def write_as_caller(fabrikam: Fabrikam, contract: UUID, values: Row) -> None:
    with fabrikam.server.organisation.transaction(USERS["clerk"]) as work:
        work.update("salesorder", contract, values)


def test_scenario_32_a_correction_moves_hours_to_an_internal_project(product: Fabrikam) -> None:
    entry, approval = approved(product)
    chosen = Link("msdyn_timeentry", entry)
    id = journal(product, JournalType.TIME_CORRECTION, chosen, msdyn_defaultproject=to_project("I"))
    product.call("msdyn_PostJournal", id)
    assert by_project(product, "T") == [
        (COST, CHARGEABLE, 800),
        (COST, CHARGEABLE, -800),
        (UNBILLED, CHARGEABLE, 1600),
        (UNBILLED, CHARGEABLE, -1600),
    ]
    assert by_project(product, "I") == [(COST, NOT_AVAILABLE, 800)]
    assert [row["msdyn_quantity"] for row in product.actuals()] == [8, -8, 8, 8, -8]
    assert product.row("msdyn_journal", id)["msdyn_isposted"] is True
    with pytest.raises(Refused, match="has been already"):
        product.call("msdyn_PostJournal", id)
    cancel = {"ActionType": 192350004, "ProjectApprovals": [{"msdyn_projectapprovalid": str(approval)}]}
    product.call_with("msdyn_ProcessProjectApprovalSets", cancel)
    assert sum(amount for _, _, _, amount in product.ledger()) == 0


def test_a_correction_keeps_what_the_approver_decided(product: Fabrikam) -> None:
    entry, approval = product.submitted_time()
    product.update("msdyn_projectapproval", approval, {"msdyn_salesquantity": Decimal(6)})
    product.call("msdyn_ApprovalStatusApprove", approval)
    role = Link("bookableresourcecategory", company_id("bookableresourcecategory", "Consultant"))
    chosen = Link("msdyn_timeentry", entry)
    product.call(
        "msdyn_PostJournal", journal(product, JournalType.TIME_CORRECTION, chosen, msdyn_resourcecategory=role)
    )
    live = [row["msdyn_amount"] for row in product.actuals() if row["msdyn_adjustmentstatus"] is None]
    assert live == [640, 900, 300]


def test_what_is_invoiced_or_has_no_actuals_is_not_corrected(product: Fabrikam) -> None:
    entry, _ = approved(product)
    product.ready_all()
    product.invoice()
    with pytest.raises(Refused, match="already been invoiced"):
        product.call("msdyn_PostJournal", journal(product, JournalType.TIME_CORRECTION, Link("msdyn_timeentry", entry)))
    product.switches.actuals = Creation.NEVER
    other, _ = approved(product)
    with pytest.raises(Refused, match="no actuals"):
        product.call("msdyn_PostJournal", journal(product, JournalType.TIME_CORRECTION, Link("msdyn_timeentry", other)))
    with pytest.raises(Refused, match="no entries were chosen"):
        product.call("msdyn_PostJournal", journal(product, JournalType.TIME_CORRECTION))


def test_an_entry_journal_becomes_actuals_without_a_trace(fabrikam: Fabrikam) -> None:
    id = journal(fabrikam, JournalType.ENTRY)
    with fabrikam.server.transaction() as work:
        line: dict[str, Cell] = {
            "msdyn_journal": Link("msdyn_journal", id),
            "msdyn_description": "Fee",
            "msdyn_documentdate": midnight(fabrikam.day),
            "msdyn_startdatetime": midnight(fabrikam.day),
            "msdyn_enddatetime": midnight(fabrikam.day),
            "msdyn_transactiontypecode": UNBILLED,
            "msdyn_transactionclassification": TransactionClass.FEE,
            "msdyn_billingtype": CHARGEABLE,
            "msdyn_quantity": Decimal(1),
            "msdyn_price": Decimal(75),
            "msdyn_amount": Decimal(75),
        }
        line_id = work.create("msdyn_journalline", line)
    fabrikam.call("msdyn_PostJournal", id)
    assert fabrikam.ledger() == [(UNBILLED, CHARGEABLE, 1, 75)]
    assert fabrikam.row("msdyn_journalline", line_id)["msdyn_isposted"] is True
    assert fabrikam.find("msdyn_transactionorigin") == fabrikam.find("msdyn_transactionconnection") == []


def test_a_journal_without_lines_or_one_that_fails_is_not_posted(fabrikam: Fabrikam) -> None:
    id = journal(fabrikam, JournalType.ENTRY)
    with pytest.raises(Refused, match="no lines"):
        fabrikam.call("msdyn_PostJournal", id)
    fabrikam.switches.failing[id] = "A deadlock."
    with pytest.raises(Refused, match="deadlock"):
        fabrikam.call("msdyn_PostJournal", id)


def test_confirming_a_contract_makes_its_actuals_anew(product: Fabrikam) -> None:
    product.update("salesorder", product.contract, {"msdyn_psastatusreason": ContractState.DRAFT})
    approved(product)
    price = company_id("msdyn_resourcecategorypricelevel", "Adatum 2026/Developer")
    product.update("msdyn_resourcecategorypricelevel", price, {"msdyn_price": Decimal(220)})
    write_as_caller(product, product.contract, {"msdyn_psastatusreason": ContractState.REASON_CONFIRMED})
    assert product.ledger() == [
        (COST, CHARGEABLE, 8, 800),
        (COST, CHARGEABLE, -8, -800),
        (COST, CHARGEABLE, 8, 800),
        (UNBILLED, CHARGEABLE, 8, 1600),
        (UNBILLED, CHARGEABLE, -8, -1600),
        (UNBILLED, CHARGEABLE, 8, 1760),
    ]


def test_confirming_a_contract_leaves_alone_what_is_on_an_invoice(product: Fabrikam) -> None:
    product.update("salesorder", product.contract, {"msdyn_psastatusreason": ContractState.DRAFT})
    approved(product)
    product.ready_all()
    product.invoice()
    write_as_caller(product, product.contract, {"msdyn_psastatusreason": ContractState.REASON_CONFIRMED})
    assert len(product.ledger()) == 2


def test_a_presales_project_gets_its_sales_when_its_contract_is_confirmed(product: Fabrikam) -> None:
    with product.building() as builder:
        builder.project("S", "Presales", product.dollar)
    _, approval = product.submitted_time("S")
    product.call("msdyn_ApprovalStatusApprove", approval)
    assert product.ledger() == [(COST, NOT_AVAILABLE, 8, 800)]
    with product.building() as builder:
        contract = builder.contract("N", "Won", "Adatum Corporation", product.dollar, "Adatum 2026")
        builder.project_line("S", "N", product.dollar)
        builder.work.update("salesorder", contract, {"msdyn_psastatusreason": ContractState.DRAFT})
    write_as_caller(product, contract, {"msdyn_psastatusreason": ContractState.REASON_CONFIRMED})
    live = [row for row in product.actuals() if row["msdyn_adjustmentstatus"] is None]
    assert [row["msdyn_amount"] for row in live] == [800, 1600]
    assert all(row["msdyn_salescontract"] == Link("salesorder", contract) for row in live)


def test_a_lost_contract_takes_back_its_sales_and_keeps_its_cost(product: Fabrikam) -> None:
    approved(product)
    write_as_caller(product, product.contract, {"msdyn_psastatusreason": ContractState.REASON_LOST})
    assert product.ledger() == [
        (COST, CHARGEABLE, 8, 800),
        (UNBILLED, CHARGEABLE, 8, 1600),
        (UNBILLED, CHARGEABLE, -8, -1600),
    ]
    assert product.actuals(COST)[0]["msdyn_billingstatus"] is None
    assert {row["msdyn_billingstatus"] for row in product.actuals(UNBILLED)} == {BillingStatus.CANCELED}


def test_where_the_service_makes_actuals_a_confirmed_contract_changes_none(fabrikam: Fabrikam) -> None:
    fabrikam.update("salesorder", fabrikam.contract, {"msdyn_psastatusreason": ContractState.DRAFT})
    fabrikam.ready_actual("8", "200")
    write_as_caller(fabrikam, fabrikam.contract, {"msdyn_psastatusreason": ContractState.REASON_CONFIRMED})
    assert len(fabrikam.ledger()) == 1
