"""What is billed of the hours an approver left standing, worked out by hand at 100 cost and 200 sales an hour."""

from __future__ import annotations

import pytest

from mappings.choices import BillingType
from mappings.entry_to_actuals import actuals_of
from mappings.refusal import Refusal
from tests.mappings.samples import approved, hours
from tests.mappings.test_entry_to_actuals import (
    COMPLIMENTARY,
    COST,
    NON_CHARGEABLE,
    UNBILLED,
    facts,
)


@pytest.mark.parametrize(
    ("billable", "kind", "sales"),
    [
        ("6", BillingType.COMPLIMENTARY, [(COMPLIMENTARY, "6.00", "1200.00"), (NON_CHARGEABLE, "2.00", "400.00")]),
        ("10", BillingType.COMPLIMENTARY, [(COMPLIMENTARY, "10.00", "2000.00")]),
        ("6", BillingType.NON_CHARGEABLE, [(NON_CHARGEABLE, "8.00", "1600.00")]),
        ("0", BillingType.NON_CHARGEABLE, [(NON_CHARGEABLE, "8.00", "1600.00")]),
        ("10", BillingType.NON_CHARGEABLE, [(NON_CHARGEABLE, "10.00", "2000.00")]),
    ],
)
def test_free_work_is_written_with_every_hour_that_was_submitted(
    billable: str, kind: BillingType, sales: list[tuple[int, str, str]]
) -> None:
    cost, *rows = map(facts, actuals_of(approved(released=hours("8", billable, kind))))
    assert cost == (COST, int(kind), "8.00", "100.00", "800.00")
    assert rows == [(UNBILLED, billing, quantity, "200.00", amount) for billing, quantity, amount in sales]


@pytest.mark.parametrize(
    ("billable", "kind", "bases"),
    [
        ("6", BillingType.CHARGEABLE, ["6.00", "2.00"]),
        ("10", BillingType.CHARGEABLE, ["8.00"]),
        ("6", BillingType.COMPLIMENTARY, ["6.00", "2.00"]),
        ("10", BillingType.NON_CHARGEABLE, ["8.00"]),
    ],
)
def test_behind_the_sales_rows_stands_the_cost_of_the_hours_that_were_submitted(
    billable: str, kind: BillingType, bases: list[str]
) -> None:
    _, *rows = actuals_of(approved(released=hours("8", billable, kind)))
    assert [str(one.cells["msdyn_basisquantity"]) for one in rows] == bases


@pytest.mark.parametrize(("submitted", "billable"), [("8", "-1"), ("-8", "1")])
def test_less_than_nothing_of_what_was_submitted_is_refused(submitted: str, billable: str) -> None:
    with pytest.raises(Refusal, match=r"^quantity-wrong"):
        actuals_of(approved(released=hours(submitted, billable)))
