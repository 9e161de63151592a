"""Where an entry stands, and how its columns are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from mappings import tables
from mappings.choices import BillingType, RecordStage, TransactionClass
from mappings.entry import Stage, approval, entry, expense, expense_stage, time_stage
from mappings.refusal import Refusal
from mappings.tables import Cell, Ref
from tests.mappings.samples import (
    APPROVAL,
    CATEGORY,
    DAY,
    ENTRY,
    HOTEL,
    HOUR,
    PROJECT,
    RESOURCE,
    ROLE,
    START,
    TASK,
    TIME_UNITS,
    UNIT,
    USD,
    row,
)

TIME_STAGES = [
    # status, target, stage
    (192350000, None, Stage.NOT_APPROVED),  # Draft
    (192350001, None, Stage.NOT_APPROVED),  # Returned
    (192350002, None, Stage.APPROVED),
    (192350002, 192350002, Stage.APPROVED),
    (192350003, None, Stage.NOT_APPROVED),  # Submitted is 3 on time
    (192350003, 192350003, Stage.NOT_APPROVED),
    (192350003, 192350002, Stage.MOVING),  # announced, not there yet
    (192350002, 192350003, Stage.MOVING),  # on its way out
    (192350002, 192350001, Stage.MOVING),
    (192350004, None, Stage.RECALL_REQUESTED),
    (192350004, 192350002, Stage.RECALL_REQUESTED),
    (None, None, Stage.NOT_APPROVED),
]
EXPENSE_STAGES = [
    (192350000, None, Stage.NOT_APPROVED),  # Draft
    (192350001, None, Stage.NOT_APPROVED),  # Submitted is 1 on an expense
    (192350001, 192350002, Stage.MOVING),
    (192350002, None, Stage.APPROVED),
    (192350002, 192350002, Stage.APPROVED),
    (192350002, 192350001, Stage.MOVING),
    (192350003, None, Stage.NOT_APPROVED),  # Rejected: the number that is Submitted on time
    (192350004, None, Stage.APPROVED),  # Posted
    (192350004, 192350002, Stage.APPROVED),
    (192350005, None, Stage.APPROVED),  # Paid
    (192350005, 192350002, Stage.APPROVED),
    (192350006, None, Stage.RECALL_REQUESTED),
    (None, None, Stage.NOT_APPROVED),
]


@pytest.mark.parametrize(("status", "target", "stage"), TIME_STAGES)
def test_a_time_entry_stands_where_its_status_and_target_say(
    status: int | None, target: int | None, stage: Stage
) -> None:
    assert time_stage(status, target) is stage


@pytest.mark.parametrize(("status", "target", "stage"), EXPENSE_STAGES)
def test_an_expense_stands_where_its_status_and_target_say(
    status: int | None, target: int | None, stage: Stage
) -> None:
    assert expense_stage(status, target) is stage


def test_the_same_number_is_recall_requested_on_time_and_posted_on_an_expense() -> None:
    assert time_stage(192350004, None) is Stage.RECALL_REQUESTED
    assert expense_stage(192350004, None) is Stage.APPROVED


TIME: dict[str, Cell] = {
    "msdyn_entrystatus": 192350002,
    "msdyn_type": 192350000,
    "msdyn_project": PROJECT,
    "msdyn_projecttask": TASK,
    "msdyn_resourcecategory": ROLE,
    "msdyn_bookableresource": RESOURCE,
    "msdyn_resourceorganizationalunitid": Ref(tables.ORGANIZATIONAL_UNIT, UNIT),
    "msdyn_duration": 100,
    "msdyn_date": DAY,
    "msdyn_start": START,
    "msdyn_description": "Design review",
}


def test_a_time_entry_is_read_with_its_minutes_as_hours() -> None:
    read = entry(row(ENTRY, TIME))
    assert read.transaction_class is TransactionClass.TIME
    assert read.stage is Stage.APPROVED
    assert (read.quantity, read.amount) == (Decimal("1.67"), None)
    assert (read.project, read.resourcing_unit) == (PROJECT.id, UNIT)
    assert (read.date, read.start, read.end) == (DAY, START, START + timedelta(minutes=100))


def test_a_time_entry_of_psa_2_without_a_start_begins_on_its_date() -> None:
    read = entry(row(ENTRY, {**TIME, "msdyn_start": None}))
    assert (read.start, read.end) == (DAY, DAY + timedelta(minutes=100))


def test_a_stated_end_is_kept() -> None:
    end = datetime(2026, 2, 10, 16, tzinfo=UTC)
    assert entry(row(ENTRY, {**TIME, "msdyn_end": end})).end == end


@pytest.mark.parametrize(("kind", "work"), [(192350000, True), (None, True), (192350001, False), (192350002, False)])
def test_absence_and_vacation_are_not_work(kind: int | None, work: bool) -> None:
    assert entry(row(ENTRY, {**TIME, "msdyn_type": kind})).is_work is work


def test_an_expense_is_read_with_its_own_unit_and_currency() -> None:
    read = expense(
        row(
            HOTEL,
            {
                "msdyn_expensestatus": 192350004,
                "msdyn_project": PROJECT,
                "msdyn_bookableresource": RESOURCE,
                "msdyn_quantity": Decimal("10"),
                "msdyn_amount": Decimal("100.00"),
                "msdyn_transactiondate": DAY,
                "msdyn_name": "Mileage",
                "msdyn_unit": HOUR,
                "msdyn_unitgroup": TIME_UNITS,
                "transactioncurrencyid": Ref(tables.CURRENCY, USD.id),
            },
        )
    )
    assert read.transaction_class is TransactionClass.EXPENSE
    assert read.stage is Stage.APPROVED
    assert (read.quantity, read.unit, read.currency) == (Decimal("10.00"), HOUR, USD.id)
    assert read.amount == Decimal("100.00")
    assert (read.description, read.start, read.end) == ("Mileage", DAY, DAY)


def test_an_approval_is_read_with_both_sides() -> None:
    read = approval(
        row(
            APPROVAL,
            {
                "msdyn_recordstage": 2,
                "msdyn_project": PROJECT,
                "msdyn_bookableresource": RESOURCE,
                "msdyn_costquantity": Decimal(8),
                "msdyn_salesquantity": Decimal(6),
                "msdyn_costprice": Decimal(100),
                "msdyn_salesprice": Decimal(200),
                "msdyn_billingtype": 192350001,
                "msdyn_transactioncategory": CATEGORY,
                "transactioncurrencyid": Ref(tables.CURRENCY, USD.id),
            },
        )
    )
    assert read.stage is RecordStage.APPROVED
    assert (read.project, read.resource) == (PROJECT.id, RESOURCE)
    assert (read.cost_quantity, read.sales_quantity) == (Decimal(8), Decimal(6))
    assert (read.cost_price, read.sales_price) == (Decimal(100), Decimal(200))
    assert read.billing_type is BillingType.CHARGEABLE
    assert (read.category, read.currency) == (CATEGORY, USD.id)


@pytest.mark.parametrize(
    ("number", "stage", "holds"),
    [
        (0, RecordStage.SUBMITTED, False),
        (1, RecordStage.REJECTED, False),
        (2, RecordStage.APPROVED, True),
        (3, RecordStage.PENDING, False),
        (4, RecordStage.RECALL_REQUESTED, False),
        (5, RecordStage.RECALL_REQUEST_APPROVED, False),
        (6, RecordStage.RECALL_REQUEST_REJECTED, True),  # the approver said no to the recall
    ],
)
def test_approval_stages_are_small_numbers_of_which_two_hold(number: int, stage: RecordStage, holds: bool) -> None:
    read = approval(row(APPROVAL, {"msdyn_recordstage": number}))
    assert read.stage is stage
    assert read.holds is holds


@pytest.mark.parametrize("cells", [{"msdyn_recordstage": 7}, {"msdyn_recordstage": 2, "msdyn_billingtype": 192350009}])
def test_an_approval_with_an_unknown_choice_is_refused(cells: dict[str, Cell]) -> None:
    with pytest.raises(Refusal) as caught:
        approval(row(APPROVAL, cells))
    assert caught.value.code == "unknown-choice"
    assert str(APPROVAL.id) in caught.value.sentence


@pytest.mark.parametrize(("ref", "column"), [(ENTRY, "msdyn_date"), (HOTEL, "msdyn_transactiondate")])
def test_an_entry_without_its_date_is_refused_by_name(ref: Ref, column: str) -> None:
    with pytest.raises(Refusal) as caught:
        entry(row(ref, {}))
    assert caught.value.code == "unreadable-row"
    assert str(ref.id) in caught.value.sentence
    assert column in caught.value.sentence


def test_a_column_of_the_wrong_type_is_never_guessed_at() -> None:
    with pytest.raises(TypeError, match="msdyn_duration"):
        entry(row(ENTRY, {**TIME, "msdyn_duration": "100"}))
