"""Submitting entries: status, approval row, prices, journal lines and their traces; and taking them back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.company.names import company_id
from sandbox.dataverse.product.choices import (
    BillingType,
    ExpenseStatus,
    PriceCalculation,
    Stage,
    TimeStatus,
    TransactionType,
)
from sandbox.dataverse.unit_of_work import Link, Refused

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

APPROVAL = "msdyn_projectapproval"


def test_submitting_time_on_a_time_and_material_line_makes_a_cost_and_a_sales_journal_line(fabrikam: Fabrikam) -> None:
    """Scenario 1, first half: what the submission prepares."""
    entry, approval = fabrikam.submitted_time()
    lines = fabrikam.journal_lines("msdyn_timeentry", entry)
    assert set(lines) == {TransactionType.COST, TransactionType.UNBILLED_SALES}
    cost, sales = lines[TransactionType.COST], lines[TransactionType.UNBILLED_SALES]
    assert (cost["msdyn_quantity"], cost["msdyn_price"], cost["msdyn_amount"]) == (8, 100, 800)
    assert (sales["msdyn_quantity"], sales["msdyn_price"], sales["msdyn_amount"]) == (8, 200, 1600)
    assert sales["msdyn_basisamount"] == 800
    assert sales["msdyn_salescontractlineid"] == Link("salesorderdetail", fabrikam.line)
    assert sales["msdyn_accountcustomer"] == Link("account", company_id("account", "Adatum Corporation"))
    assert fabrikam.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.SUBMITTED
    row = fabrikam.row(APPROVAL, approval)
    assert row["msdyn_recordstage"] == Stage.SUBMITTED
    assert row["msdyn_referencejournalline"] == Link("msdyn_journalline", _id(sales["msdyn_journallineid"]))
    assert row["transactioncurrencyid"] == Link("transactioncurrency", fabrikam.dollar)


def test_a_submission_leaves_two_origins_and_one_connection(fabrikam: Fabrikam) -> None:
    """Scenario 55, first step."""
    entry, _ = fabrikam.submitted_time()
    lines = fabrikam.journal_lines("msdyn_timeentry", entry)
    assert len(fabrikam.find("msdyn_transactionorigin")) == 2
    (connection,) = fabrikam.find("msdyn_transactionconnection")
    assert connection["msdyn_transaction1"] == str(lines[TransactionType.UNBILLED_SALES]["msdyn_journallineid"])
    assert connection["msdyn_transaction1role"] == "Unbilled Sales"
    assert connection["msdyn_transaction2"] == str(lines[TransactionType.COST]["msdyn_journallineid"])
    assert connection["msdyn_transaction2role"] == "Cost"
    assert connection["msdyn_transaction1type"] == connection["msdyn_transaction2type"] == "msdyn_journalline"


@pytest.mark.parametrize("project", ["F", "I"])
def test_fixed_price_and_internal_work_make_a_cost_line_only(fabrikam: Fabrikam, project: str) -> None:
    """Scenarios 4 and 5, first half."""
    entry, approval = fabrikam.submitted_time(project)
    assert set(fabrikam.journal_lines("msdyn_timeentry", entry)) == {TransactionType.COST}
    row = fabrikam.row(APPROVAL, approval)
    assert row["msdyn_salesprice"] is None
    expected = BillingType.CHARGEABLE if project == "F" else BillingType.NOT_AVAILABLE
    assert row["msdyn_billingtype"] == expected


def test_a_role_set_non_chargeable_on_the_line_wins_while_expenses_stay_chargeable(fabrikam: Fabrikam) -> None:
    """Scenario 7, first half."""
    with fabrikam.building() as builder:
        builder.role_on_line("T", "Trainee", BillingType.NON_CHARGEABLE)
    _, time = fabrikam.submitted_time(resource="Cora", minutes=300)
    _, expense = fabrikam.submitted_expense()
    assert fabrikam.row(APPROVAL, time)["msdyn_billingtype"] == BillingType.NON_CHARGEABLE
    assert fabrikam.row(APPROVAL, time)["msdyn_salesprice"] == 90
    assert fabrikam.row(APPROVAL, expense)["msdyn_billingtype"] == BillingType.CHARGEABLE


def test_without_a_setting_on_the_line_the_role_master_decides(fabrikam: Fabrikam) -> None:
    role = company_id("bookableresourcecategory", "Developer")
    fabrikam.update("bookableresourcecategory", role, {"msdyn_billingtype": BillingType.NON_CHARGEABLE})
    _, approval = fabrikam.submitted_time()
    assert fabrikam.row(APPROVAL, approval)["msdyn_billingtype"] == BillingType.NON_CHARGEABLE
    with fabrikam.building() as builder:
        builder.role_on_line("T", "Developer", BillingType.CHARGEABLE)
    _, approval = fabrikam.submitted_time()
    assert fabrikam.row(APPROVAL, approval)["msdyn_billingtype"] == BillingType.CHARGEABLE


def test_an_expense_that_the_line_does_not_include_is_not_available(fabrikam: Fabrikam) -> None:
    """Scenario 10, first half."""
    fabrikam.update("salesorderdetail", fabrikam.line, {"msdyn_includeexpense": False})
    entry, approval = fabrikam.submitted_expense()
    row = fabrikam.row(APPROVAL, approval)
    assert row["msdyn_billingtype"] == BillingType.NOT_AVAILABLE
    assert (row["msdyn_costprice"], row["msdyn_salesprice"]) == (120, None)
    assert set(fabrikam.journal_lines("msdyn_expense", entry)) == {TransactionType.COST}


def test_two_lines_that_claim_the_same_entry_are_not_guessed_between(fabrikam: Fabrikam) -> None:
    """Scenario 9, first half."""
    with fabrikam.building() as builder:
        builder.project_line("T", "K", fabrikam.dollar, key="T again")
    _, approval = fabrikam.submitted_time()
    assert fabrikam.row(APPROVAL, approval)["msdyn_billingtype"] == BillingType.NOT_AVAILABLE


def test_airfare_with_ten_percent_markup_sells_at_five_hundred_and_fifty(fabrikam: Fabrikam) -> None:
    """Scenario 20."""
    _, approval = fabrikam.submitted_expense(category="Airfare", amount="500")
    row = fabrikam.row(APPROVAL, approval)
    assert (row["msdyn_costprice"], row["msdyn_salesprice"]) == (500, 550)


def test_a_price_per_unit_needs_the_same_unit_or_is_zero(fabrikam: Fabrikam) -> None:
    """Scenario 21: expense units never convert."""
    with fabrikam.building() as builder:
        builder.category("Mileage")
        builder.category_price("Adatum 2026", "Mileage", PriceCalculation.PER_UNIT, price=Decimal(10))
        builder.expense("T", "Ada", "Mileage", Decimal(4), fabrikam.day, quantity=Decimal(10), key="each")
        builder.expense("T", "Ada", "Mileage", Decimal(4), fabrikam.day, quantity=Decimal(10), unit="Day", key="other")
    each, other = company_id("msdyn_expense", "each"), company_id("msdyn_expense", "other")
    fabrikam.call("msdyn_ExpenseEntriesSubmit", ExpenseEntryIds=f"{each}, {other}", CorrelationId="")
    (row,) = fabrikam.find(APPROVAL, msdyn_expenseentry=Link("msdyn_expense", each))
    assert (row["msdyn_salesprice"], row["msdyn_salesamount"], row["msdyn_costamount"]) == (10, 100, 40)
    (row,) = fabrikam.find(APPROVAL, msdyn_expenseentry=Link("msdyn_expense", other))
    assert row["msdyn_salesprice"] == 0


def test_the_price_list_of_the_day_worked_applies_and_not_of_the_day_approved(fabrikam: Fabrikam) -> None:
    """Scenario 24."""
    with fabrikam.building() as builder:
        builder.price_list("Adatum 2025", fabrikam.dollar, date(2025, 1, 1), date(2025, 12, 31))
        builder.role_price("Adatum 2025", "Developer", Decimal(180))
        builder.contract_price_list("K", "Adatum 2025")
    _, last_year = fabrikam.submitted_time(on=date(2025, 12, 31))
    _, this_year = fabrikam.submitted_time(on=date(2026, 1, 1))
    assert fabrikam.row(APPROVAL, last_year)["msdyn_salesprice"] == 180
    assert fabrikam.row(APPROVAL, this_year)["msdyn_salesprice"] == 200


def test_two_overlapping_sales_lists_or_none_give_price_zero(fabrikam: Fabrikam) -> None:
    """Scenario 25."""
    _, none = fabrikam.submitted_time(on=date(2027, 1, 4))
    with fabrikam.building() as builder:
        builder.price_list("Overlap", fabrikam.dollar, date(2026, 2, 1), date(2026, 2, 28))
        builder.role_price("Overlap", "Developer", Decimal(1))
        builder.contract_price_list("K", "Overlap")
    _, both = fabrikam.submitted_time()
    assert fabrikam.row(APPROVAL, none)["msdyn_salesprice"] == 0
    assert fabrikam.row(APPROVAL, both)["msdyn_salesprice"] == 0
    assert fabrikam.row(APPROVAL, both)["msdyn_costprice"] == 100


def test_a_daily_rate_is_turned_into_an_hourly_one(fabrikam: Fabrikam) -> None:
    with fabrikam.building() as builder:
        builder.role("Architect")
        builder.role_price("Adatum 2026", "Architect", Decimal(1600), unit="Day")
        entry = builder.time("T", "Ada", 480, fabrikam.day, role="Architect")
    fabrikam.call("msdyn_TimeEntriesSubmit", TimeEntryIds=str(entry), CorrelationId="")
    (row,) = fabrikam.find(APPROVAL, msdyn_timeentry=Link("msdyn_timeentry", entry))
    assert (row["msdyn_salesprice"], row["msdyn_costprice"]) == (200, 0)


def test_an_expense_is_sold_in_the_contract_currency_by_way_of_the_base_currency(fabrikam: Fabrikam) -> None:
    with fabrikam.building() as builder:
        pound = builder.currency("GBP", Decimal("0.5"))
        entry = builder.submitted_expense("T", "Ada", "Hotel", Decimal("100"), fabrikam.day, currency=pound)
    row = fabrikam.row(APPROVAL, entry.approval)
    assert (row["msdyn_costprice"], row["msdyn_salesprice"]) == (100, 200)
    assert row["transactioncurrencyid"] == Link("transactioncurrency", fabrikam.dollar)


def test_vacation_is_submitted_for_approval_without_prices_or_journal_lines(fabrikam: Fabrikam) -> None:
    """Scenario 17, its shape before approval."""
    entry, approval = fabrikam.submitted_time(project=None)
    assert fabrikam.journal_lines("msdyn_timeentry", entry) == {}
    row = fabrikam.row(APPROVAL, approval)
    assert (row["msdyn_project"], row["msdyn_costprice"], row["msdyn_salesprice"]) == (None, None, None)
    assert row["msdyn_manager"] is not None


def test_what_is_already_submitted_cannot_be_submitted_again(fabrikam: Fabrikam) -> None:
    entry, _ = fabrikam.submitted_time()
    with pytest.raises(Refused, match="isn't a draft"):
        fabrikam.call("msdyn_TimeEntriesSubmit", TimeEntryIds=str(entry), CorrelationId="")


def test_several_entries_are_submitted_by_one_call_or_none_is(fabrikam: Fabrikam) -> None:
    draft, (submitted, _) = fabrikam.draft_time(), fabrikam.submitted_time()
    with pytest.raises(Refused, match="isn't a draft"):
        fabrikam.call("msdyn_TimeEntriesSubmit", TimeEntryIds=f"{draft},{submitted}")
    assert fabrikam.row("msdyn_timeentry", draft)["msdyn_entrystatus"] == TimeStatus.DRAFT
    with pytest.raises(Refused, match="no id"):
        fabrikam.call("msdyn_TimeEntriesSubmit", TimeEntryIds="everything")
    with pytest.raises(Refused, match="TimeEntryIds"):
        fabrikam.call("msdyn_TimeEntriesSubmit")


def test_recall_before_approval_makes_it_a_draft_and_leaves_no_trace(fabrikam: Fabrikam) -> None:
    entry, approval = fabrikam.submitted_time()
    fabrikam.call("msdyn_TimeEntriesRecall", TimeEntryIds=str(entry), CorrelationId="")
    assert fabrikam.row("msdyn_timeentry", entry)["msdyn_entrystatus"] == TimeStatus.DRAFT
    assert fabrikam.gone(APPROVAL, approval)
    for table in ("msdyn_journalline", "msdyn_transactionorigin", "msdyn_transactionconnection"):
        assert fabrikam.find(table) == []


def test_an_approved_expense_is_not_simply_recalled_but_its_approver_is_asked(fabrikam: Fabrikam) -> None:
    entry, approval = fabrikam.submitted_expense()
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)
    fabrikam.call("msdyn_ExpenseEntriesRecall", ExpenseEntryIds=str(entry), CorrelationId="")
    assert fabrikam.row("msdyn_expense", entry)["msdyn_expensestatus"] == ExpenseStatus.RECALL_REQUESTED
    assert fabrikam.row(APPROVAL, approval)["msdyn_recordstage"] == Stage.RECALL_REQUESTED


def _id(cell: object) -> UUID:
    assert isinstance(cell, UUID)
    return cell
