"""Taking an actual back."""

from __future__ import annotations

from decimal import Decimal

from mappings import keys, tables
from mappings.ledger import ACTUAL_COLUMNS, Actual
from mappings.reversal import reversal_of
from mappings.tables import Cell, Ref
from tests.mappings.samples import (
    CONTRACT,
    CUSTOMER,
    DAY,
    END,
    ENTRY,
    HOUR,
    LINE,
    OWNER,
    PRICE_LIST,
    PROJECT,
    RESOURCE,
    ROLE,
    SALES_JOURNAL,
    START,
    TASK,
    TIME_UNITS,
    UNIT,
    USD,
    row,
    uid,
)

ORIGINAL = Ref(tables.ACTUAL, uid(700))
CELLS: dict[str, Cell] = {
    "msdyn_transactiontypecode": 192350005,
    "msdyn_transactionclassification": 192350000,
    "msdyn_billingtype": 192350001,
    "msdyn_billingstatus": 192350004,
    "msdyn_quantity": Decimal("8.00"),
    "msdyn_price": Decimal("200.00"),
    "msdyn_amount": Decimal("1600.00"),
    "msdyn_amountmethod": 192350000,
    "msdyn_basisquantity": Decimal("8.00"),
    "msdyn_basisprice": Decimal("100.00"),
    "msdyn_basisamount": Decimal("800.00"),
    "msdyn_documentdate": DAY,
    "msdyn_accountingdate": DAY,
    "msdyn_startdatetime": START,
    "msdyn_enddatetime": END,
    "msdyn_description": "Design review",
    "msdyn_externaldescription": "Review",
    "msdyn_project": PROJECT,
    "msdyn_task": TASK,
    "msdyn_bookableresource": RESOURCE,
    "msdyn_resourcecategory": ROLE,
    "msdyn_transactioncategory": None,
    "msdyn_unit": HOUR,
    "msdyn_unitschedule": TIME_UNITS,
    "msdyn_pricelist": PRICE_LIST,
    "msdyn_salescontract": CONTRACT,
    "msdyn_salescontractlineid": LINE,
    "msdyn_contractorganizationalunitid": Ref(tables.ORGANIZATIONAL_UNIT, UNIT),
    "msdyn_resourceorganizationalunitid": Ref(tables.ORGANIZATIONAL_UNIT, UNIT),
    "msdyn_customertype": 192350001,
    "msdyn_accountcustomer": CUSTOMER,
    "transactioncurrencyid": Ref(tables.CURRENCY, USD.id),
    "ownerid": OWNER,
}
SALES = Actual(row(ORIGINAL, CELLS, 'W/"42"'))


def test_the_original_becomes_adjusted_and_canceled_in_the_version_that_was_read() -> None:
    back = reversal_of(SALES, (ENTRY,))
    assert (back.original.row, back.original.version) == (ORIGINAL, 'W/"42"')
    assert back.original.values == {"msdyn_adjustmentstatus": 192350001, "msdyn_billingstatus": 192350003}


def test_the_copy_differs_from_the_original_in_signs_and_statuses_only() -> None:
    copy = reversal_of(SALES, (ENTRY,)).created[0]
    assert copy.row == Ref(tables.ACTUAL, keys.reversal_id(ORIGINAL.id))
    expected = {column: value for column, value in CELLS.items() if value is not None} | {
        "msdyn_quantity": Decimal("-8.00"),
        "msdyn_amount": Decimal("-1600.00"),
        "msdyn_basisquantity": Decimal("-8.00"),
        "msdyn_basisamount": Decimal("-800.00"),
        "msdyn_adjustmentstatus": 192350002,
        "msdyn_billingstatus": 192350003,
    }
    assert copy.values == expected


def test_every_column_that_is_read_of_an_actual_has_been_thought_of_here() -> None:
    assert set(ACTUAL_COLUMNS) == set(CELLS) | {"msdyn_adjustmentstatus", "msdyn_contactcustomer"}


def test_a_cost_without_basis_is_taken_back_without_one() -> None:
    cost = Actual(
        row(
            ORIGINAL,
            {
                "msdyn_transactiontypecode": 192350000,
                "msdyn_quantity": Decimal(8),
                "msdyn_price": Decimal(100),
                "msdyn_amount": Decimal(800),
            },
        )
    )
    copy = reversal_of(cost, (ENTRY,)).created[0]
    figures = [copy.values[f"msdyn_{name}"] for name in ("quantity", "price", "amount")]
    assert figures == [Decimal(-8), Decimal(100), Decimal(-800)]
    assert not [column for column in copy.values if "basis" in column]


def test_the_copy_leads_back_to_the_entry_its_journal_line_and_the_original() -> None:
    copy, *ties = reversal_of(SALES, (SALES_JOURNAL, ENTRY)).created
    assert [tie.row for tie in ties] == [
        Ref(tables.ORIGIN, keys.origin_id(SALES_JOURNAL.id, copy.row.id)),
        Ref(tables.ORIGIN, keys.origin_id(ENTRY.id, copy.row.id)),
        Ref(tables.CONNECTION, keys.connection_id(copy.row.id, ORIGINAL.id)),
    ]
    assert (ties[-1].values["msdyn_transaction1role"], ties[-1].values["msdyn_transaction2role"]) == (
        "Reversing",
        "Original",
    )
