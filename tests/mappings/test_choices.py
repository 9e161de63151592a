"""The numbers of the product's choices, frozen against its public reference."""

from __future__ import annotations

from enum import IntEnum

import pytest

from mappings import choices
from mappings.refusal import Refusal
from tests.mappings.samples import APPROVAL

BASE = 192350000
TABLE: list[tuple[type[IntEnum], dict[str, int]]] = [
    (choices.TimeStatus, {"DRAFT": 0, "RETURNED": 1, "APPROVED": 2, "SUBMITTED": 3, "RECALL_REQUESTED": 4}),
    (
        choices.ExpenseStatus,
        {"DRAFT": 0, "SUBMITTED": 1, "APPROVED": 2, "REJECTED": 3, "POSTED": 4, "PAID": 5, "RECALL_REQUESTED": 6},
    ),
    (choices.TimeType, {"WORK": 0, "ABSENCE": 1, "VACATION": 2, "OVERTIME": 4320, "TRAVEL": 5001}),
    (
        choices.TransactionType,
        {
            "COST": 0,
            "PROJECT_CONTRACT": 4,
            "UNBILLED_SALES": 5,
            "BILLED_SALES": 6,
            "RESOURCING_UNIT_COST": 7,
            "INTER_ORGANIZATIONAL_SALES": 8,
        },
    ),
    (choices.TransactionClass, {"TIME": 0, "EXPENSE": 1, "MATERIAL": 2, "MILESTONE": 3, "FEE": 4}),
    (choices.BillingType, {"NON_CHARGEABLE": 0, "CHARGEABLE": 1, "COMPLIMENTARY": 2, "NOT_AVAILABLE": 3}),
    (
        choices.BillingStatus,
        {
            "UNBILLED_SALES_CREATED": 0,
            "CUSTOMER_INVOICE_CREATED": 1,
            "CUSTOMER_INVOICE_POSTED": 2,
            "CANCELED": 3,
            "READY_TO_INVOICE": 4,
        },
    ),
    (
        choices.MilestoneStatus,
        {"NOT_READY": 0, "READY_TO_INVOICE": 1, "CUSTOMER_INVOICE_CREATED": 2, "CUSTOMER_INVOICE_POSTED": 3},
    ),
    (choices.AdjustmentStatus, {"IN_PROCESS": 0, "ADJUSTED": 1, "UNADJUSTABLE": 2}),
    (choices.AmountMethod, {"QUANTITY_TIMES_PRICE": 0}),
    (choices.BillingMethod, {"TIME_AND_MATERIAL": 0, "FIXED_PRICE": 1}),
    (choices.CustomerType, {"ACCOUNT": 1, "CONTACT": 2}),
]


@pytest.mark.parametrize(("choice", "values"), TABLE)
def test_a_choice_holds_the_products_numbers(choice: type[IntEnum], values: dict[str, int]) -> None:
    assert {member.name: member.value for member in choice} == {name: BASE + value for name, value in values.items()}


def test_record_stages_and_product_types_are_small_numbers() -> None:
    assert [stage.value for stage in choices.RecordStage] == [0, 1, 2, 3, 4, 5, 6]
    assert choices.RecordStage(2) is choices.RecordStage.APPROVED
    assert choices.ProductType(1) is choices.ProductType.PRODUCT
    assert choices.ProductType(5) is choices.ProductType.PROJECT_BASED_SERVICE


def test_a_number_this_version_does_not_know_is_refused_with_its_row() -> None:
    assert choices.read(choices.BillingType, 192350001, APPROVAL) is choices.BillingType.CHARGEABLE
    with pytest.raises(Refusal) as caught:
        choices.read(choices.BillingType, 192350009, APPROVAL)
    assert caught.value.code == "unknown-choice"
    for named in (str(APPROVAL.id), "192350009", "BillingType"):
        assert named in caught.value.sentence
