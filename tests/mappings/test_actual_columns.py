"""What an actual says beside its figures: for whom, when, where, under which line."""

from __future__ import annotations

from decimal import Decimal

from mappings import keys
from mappings.approved_entry import Contract
from mappings.choices import TransactionClass
from mappings.entry_to_actuals import actuals_of
from tests.mappings.samples import (
    CATEGORY,
    CONTRACT,
    COST_JOURNAL,
    CUSTOMER,
    HOUR,
    PERSON,
    PRICE_LIST,
    SALES_JOURNAL,
    TIME_UNITS,
    USD,
    approval,
    approved,
    expense,
    hours,
    journal,
    line,
)


def test_sales_rows_carry_the_cost_behind_them() -> None:
    _, charged, free = actuals_of(approved(released=hours("8", "6")))
    basis = [
        [str(one.cells[f"msdyn_basis{name}"]) for name in ("quantity", "price", "amount")] for one in (charged, free)
    ]
    assert basis == [["6.00", "100.00", "600.00"], ["2.00", "100.00", "200.00"]]


def test_hours_billed_beyond_those_submitted_have_no_cost_behind_them() -> None:
    _, charged = actuals_of(approved(released=hours("8", "10")))
    assert (charged.cells["msdyn_basisquantity"], charged.cells["msdyn_basisamount"]) == (Decimal(8), Decimal(800))


def test_a_row_says_for_whom_when_where_and_under_which_line() -> None:
    given = approved(
        cost_line=journal(COST_JOURNAL, "100", USD, price_list=None), sales_line=journal(SALES_JOURNAL, "200", USD)
    )
    cost, sales = actuals_of(given)
    entry = given.entry
    for one in (cost, sales):
        assert one.cells["msdyn_transactionclassification"] == TransactionClass.TIME
        assert (one.cells["msdyn_documentdate"], one.cells["msdyn_accountingdate"]) == (entry.date, entry.date)
        assert (one.cells["msdyn_startdatetime"], one.cells["msdyn_enddatetime"]) == (entry.start, entry.end)
        assert (one.cells["msdyn_project"], one.cells["msdyn_salescontract"]) == (given.project.ref, CONTRACT)
        assert one.cells["msdyn_salescontractlineid"] == line().ref
        assert (one.cells["msdyn_unit"], one.cells["msdyn_unitschedule"]) == (HOUR, TIME_UNITS)
        assert (one.cells["ownerid"], one.cells["msdyn_resourcecategory"]) == (given.project.owner, entry.role)
        assert "msdyn_billingstatus" not in one.cells
        assert "msdyn_adjustmentstatus" not in one.cells
        assert None not in one.cells.values()
    assert "msdyn_pricelist" not in cost.cells
    assert sales.cells["msdyn_pricelist"] == PRICE_LIST
    assert "msdyn_customertype" not in cost.cells
    assert (sales.cells["msdyn_customertype"], sales.cells["msdyn_accountcustomer"]) == (192350001, CUSTOMER)


def test_a_person_as_customer_goes_into_the_contact_column() -> None:
    _, sales = actuals_of(approved(contract=Contract(CONTRACT, PERSON, USD.id)))
    assert (sales.cells["msdyn_customertype"], sales.cells["msdyn_contactcustomer"]) == (192350002, PERSON)
    assert "msdyn_accountcustomer" not in sales.cells


def test_an_internal_project_leaves_no_contract_on_its_cost() -> None:
    (cost,) = actuals_of(approved(line=None, contract=None, sales_currency=None))
    assert not {"msdyn_salescontract", "msdyn_salescontractlineid", "msdyn_accountcustomer"} & set(cost.cells)


def test_an_expense_names_its_category_and_no_role() -> None:
    (cost, _) = actuals_of(approved(expense(), approval(category=CATEGORY)))
    assert cost.cells["msdyn_transactioncategory"] == CATEGORY
    assert cost.cells["msdyn_transactionclassification"] == TransactionClass.EXPENSE
    assert "msdyn_resourcecategory" not in cost.cells


def test_a_row_is_named_after_entry_generation_and_role() -> None:
    given = approved(released=hours("8", "6"))
    ids = [one.row(given.entry.ref.id, 3).row.id for one in actuals_of(given)]
    assert ids == [
        keys.row_id(given.entry.ref.id, 3, "cost"),
        keys.row_id(given.entry.ref.id, 3, f"sales/chargeable/{CUSTOMER.id}"),
        keys.row_id(given.entry.ref.id, 3, f"sales/non-chargeable/{CUSTOMER.id}"),
    ]
