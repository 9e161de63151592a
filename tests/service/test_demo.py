"""The demo's figures against totals worked out by hand from the demo company's sheet.

Nothing here is computed by the code under test: every figure is the sum in its comment, each with the rule of the
product it follows from. (Rates: Developer 100/200/180, Consultant 80/150/140, Trainee 40/90: cost, Adatum, Northwind.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.dataverse.query import Query, all_of, equals
from sandbox.world import Sandbox
from service.cli.main import app
from service.local_world import signed_in
from tests.service.conftest import logging_kept

COST, UNBILLED_SALES = 192350000, 192350005
NOT_AVAILABLE = 192350003


@dataclass
class Played:
    """The demo's answer, and the world it left behind."""

    world: Sandbox
    exit_code: int
    data: dict[str, Any]
    said: str

    def contract(self, number: str) -> dict[str, Any]:
        return next(one for one in self.data["contracts"] if one["number"] == number)

    def project(self, name: str) -> dict[str, Any]:
        return next(one for one in self.data["projects"] if one["name"] == name)

    def actuals(self, *columns: str, **where: Any) -> list[tuple[object, ...]]:
        conditions = all_of(*(equals(column, value) for column, value in where.items()))
        with signed_in(self.world, "administrator") as client:
            (rows,) = client.query([Query("msdyn_actual", columns, conditions)])
        return [tuple(row[column] for column in columns) for row in rows]


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with Sandbox() as world, pytest.MonkeyPatch.context() as patch, logging_kept():
        patch.setattr("service.demo.story.Sandbox", lambda: nullcontext(world))
        result = CliRunner().invoke(app, ["demo", "--output", "json", "--verbose"])
        yield Played(world, result.exit_code, json.loads(result.stdout), result.stderr)


def test_logs_name_rows_and_reasons_but_no_amounts(played: Played) -> None:
    logged = [json.loads(line)["message"] for line in played.said.splitlines() if line.startswith("{")]
    assert sum("are marked ready" in event for event in logged) == 3
    assert sum("ready rows are invoiced" in event for event in logged) == 3
    assert [event for event in logged if re.search(r"\d\.\d\d\b|USD|EUR", event)] == []


def test_the_demo_holds_and_exits_with_zero(played: Played) -> None:
    assert (played.exit_code, played.data["holds"]) == (0, True)
    assert float(played.data["seconds"]) < 60


def test_fifty_nine_entries_are_approved_and_all_but_the_vacation_cost_something(played: Played) -> None:
    # Entries of no project (absence, vacation) create no actuals (PO/approvals/approvals-overview).
    assert (played.data["entries"], played.data["cost_actuals"]) == (59, 58)
    # The approver may change billable hours and billing type before approving (PSA/cancel-approval).
    decisions = {one["entry"]: one["decision"] for one in played.data["decisions"]}
    assert decisions == {
        "P1/Ada 8 h/2026-02-10": "cut",
        "P1/Ada 2 h/2026-01-05": "complimentary",
        "P1/Ben 8 h/2026-03-05": "raised",
    }


def test_time_and_material_costs_what_was_submitted(played: Played) -> None:
    # Cost never follows the billable quantity (PSA/actuals): the cut and the raised entry cost their 8 hours.
    #   Ada 12 × 8 h × 100        9,600.00
    #   Ben 6 × 7.5 h × 80        3,600.00
    #   Ada 2 h × 100               200.00   complimentary work costs all the same
    #   Cora 4 × 5 h × 40           800.00   so does non-chargeable work
    #   Ada 100 min = 1.67 h × 100  167.00   quantities carry two decimals (ENT/msdyn_actual)
    #   Ben 8 h × 80                640.00
    #   Hotel 4 × 120               480.00   an expense costs what was entered (PSA/FAQ-zero-price-expense-cost-actuals)
    #   Airfare 2 × 500           1,000.00
    assert played.project("Adatum rollout") == {
        "name": "Adatum rollout",
        "currency": "USD",
        "approved_cost": "16487.00",
        "cost_actuals": "16487.00",
        "faults": [],
    }


def test_time_and_material_bills_what_was_approved(played: Played) -> None:
    # Chargeable (PSA/actuals; PO/actuals/ActualsonTM):
    #   Ada 11 × 8 h × 200       17,600.00
    #   Ada cut to 6 h × 200      1,200.00   billable < submitted: billed are the billable hours
    #   Ben 6 × 7.5 h × 150       6,750.00
    #   Ada 1.67 h × 200            334.00
    #   Ben raised to 10 h × 150  1,500.00   billable > submitted: one row with the billable hours
    #   Hotel 4 × 120               480.00   at cost (PO/pricing-costing/set-up-cost-sales-rates-expenses)
    #   Airfare 2 × 500 + 10 %    1,100.00   markup over cost (same page)
    #                            28,964.00
    contract = played.contract("ORD-C1")
    assert contract["approved"] == contract["actuals"] == contract["ready"] == contract["invoiced"] == "28964.00"
    # Non-chargeable: the 2 h cut × 200 = 400.00 (same rate as the rest, PSA/actuals), and Cora 20 h × 90 = 1,800.00,
    # her role being non-chargeable on this line (PO/pro/sales/configure-chargeable-components-contract-line).
    assert contract["non_chargeable"] == "2200.00"
    # Complimentary: Ada 2 h × 200 (PSA/basic-quote-lines). It is on the invoice, but not in its total.
    assert contract["complimentary"] == "400.00"
    assert (contract["fixed"], contract["currency"], len(contract["invoices"])) == ("0.00", "USD", 1)


def test_fixed_price_work_has_cost_only_and_is_invoiced_by_milestones(played: Played) -> None:
    # Cost, in the contracting unit's currency: Ada 6 × 8 h × 100 + Ben 4 × 8 h × 80 + hotel 150 = 4,800 + 2,560 + 150.
    assert played.project("Contoso migration")["cost_actuals"] == "7510.00"
    # No unbilled sales on a fixed price line (PO/actuals/ActualonFP); the milestones are 5,000 + 7,500, in euro.
    contract = played.contract("ORD-C2")
    assert (contract["approved"], contract["actuals"], contract["non_chargeable"]) == ("0.00", "0.00", "0.00")
    assert contract["fixed"] == contract["ready"] == contract["invoiced"] == "12500.00"
    assert contract["currency"] == "EUR"


def test_a_product_line_is_invoiced_beside_the_work(played: Played) -> None:
    # Cost: Ada 6 × 4 h × 100 + Ben 3 × 6 h × 80 + hotel 90 = 2,400 + 1,440 + 90.
    assert played.project("Northwind support")["cost_actuals"] == "3930.00"
    # Sales: Ada 24 h × 180 + Ben 18 h × 140 = 4,320 + 2,520. The hotel is billed to nobody: the line excludes expenses.
    contract = played.contract("ORD-C3")
    assert contract["approved"] == contract["actuals"] == "6840.00"
    # The product line, 3 × 100.00, is copied to the invoice without details
    # (PO/pro/proforma-invoicing/manage-proforma-invoice-sales).
    assert contract["fixed"] == "300.00"
    assert contract["ready"] == contract["invoiced"] == "7140.00"


def test_an_expense_its_contract_line_excludes_is_cost_that_cannot_be_billed(played: Played) -> None:
    # Billing type Not Available, no unbilled sales (PO/pro/sales/configure-chargeable-components-contract-line).
    project = played.world.company.projects["P3"] if played.world.company else None
    rows = played.actuals("msdyn_transactiontypecode", "msdyn_billingtype", "msdyn_amount", msdyn_project=project)
    of_hotel = [row for row in rows if row[2] == Decimal(90)]
    assert of_hotel == [(COST, NOT_AVAILABLE, Decimal(90))]


def test_an_internal_project_has_cost_only(played: Played) -> None:
    # Ada 3 × 8 h × 100 + Cora 3 × 5 h × 40 = 2,400 + 600; no contract, nothing to bill (PO/actuals/ActualonInternal).
    assert played.project("Fabrikam academy")["cost_actuals"] == "3000.00"
    project = played.world.company.projects["P4"] if played.world.company else None
    rows = played.actuals("msdyn_transactiontypecode", "msdyn_salescontract", msdyn_project=project)
    assert rows == [(COST, None)] * 6


def test_the_ledger_holds_exactly_the_rows_the_rules_call_for(played: Played) -> None:
    # Unbilled sales: C1 has one per entry (31) and a second for the cut one, C3 one per time entry (9).
    assert len(played.actuals("msdyn_amount", msdyn_transactiontypecode=UNBILLED_SALES)) == 31 + 1 + 9
    assert len(played.actuals("msdyn_amount", msdyn_transactiontypecode=COST)) == 58
    # Marked: those 41, one product line, two milestones; nothing was refused.
    assert played.data["marked"] == {"time-and-material": 41, "products": 1, "milestones": 2}
    assert played.data["refused"] == {}


def test_no_message_is_left_behind(played: Played) -> None:
    for queue in ("approvals", "commands"):
        counts = played.world.bus.counts(queue)
        assert (counts.active, counts.locked, counts.scheduled, counts.dead_letter) == (0, 0, 0, 0)
