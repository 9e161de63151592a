"""The documented truth table of chargeability, and who is heard first: the line, then the master."""

from __future__ import annotations

from itertools import product

import pytest

from mappings.chargeability import Chargeables, Setting, chargeability, in_masters, on_lines
from mappings.choices import BillingType, TransactionClass
from mappings.refusal import Refusal
from mappings.row import Row
from mappings.tables import Ref
from tests.mappings.samples import row, uid

TIME, EXPENSE, MATERIAL = TransactionClass.TIME, TransactionClass.EXPENSE, TransactionClass.MATERIAL
YES, NON = BillingType.CHARGEABLE, BillingType.NON_CHARGEABLE
COMPLIMENTARY, NONE = BillingType.COMPLIMENTARY, BillingType.NOT_AVAILABLE
ALL, SOME = False, True


# Includes time, includes expense, selects tasks, role, category, task → time, expense. These are the ten rows of the
# documentation, whose column for the task was lost; it is what sets rows four to six apart from those before them.
@pytest.mark.parametrize(
    ("time", "expense", "selects", "role", "category", "task", "of_time", "of_expense"),
    [
        (True, True, ALL, YES, YES, None, YES, YES),
        (True, True, SOME, YES, YES, YES, YES, YES),
        (True, True, SOME, NON, YES, YES, NON, YES),
        (True, True, SOME, YES, YES, NON, NON, NON),
        (True, True, SOME, NON, YES, NON, NON, NON),
        (True, True, SOME, NON, NON, NON, NON, NON),
        (False, True, ALL, None, YES, None, NONE, YES),
        (False, True, ALL, None, NON, None, NONE, NON),
        (True, False, ALL, YES, None, None, YES, NONE),
        (True, False, ALL, NON, None, None, NON, NONE),
    ],
)
def test_the_documented_table(
    time: bool,
    expense: bool,
    selects: bool,
    role: BillingType | None,
    category: BillingType | None,
    task: BillingType | None,
    of_time: BillingType,
    of_expense: BillingType,
) -> None:
    on_task = Setting(task) if selects else None
    for kind, included, expected in ((TIME, time, of_time), (EXPENSE, expense, of_expense)):
        found = chargeability(kind, included=included, role=Setting(role), category=Setting(category), task=on_task)
        assert found.billing_type is expected


@pytest.mark.parametrize(("kind", "decides"), [(TIME, "role"), (EXPENSE, "category")])
def test_one_non_chargeable_is_enough_and_the_other_classs_setting_does_not_matter(
    kind: TransactionClass, decides: str
) -> None:
    for own, other, task in product((YES, NON), (YES, NON, None), (YES, NON, None)):
        settings = {"role": Setting(other), "category": Setting(other), decides: Setting(own)}
        on_task = None if task is None else Setting(task)
        found = chargeability(kind, included=True, task=on_task, **settings)
        assert found.billing_type is (NON if NON in (own, task) else YES)


@pytest.mark.parametrize(("task", "expected"), [(None, YES), (YES, YES), (NON, NON)])
def test_material_needs_a_chargeable_task_and_nothing_else(task: BillingType | None, expected: BillingType) -> None:
    on_task = None if task is None else Setting(task)
    found = chargeability(MATERIAL, included=True, role=Setting(NON), category=Setting(NON), task=on_task)
    assert found.billing_type is expected


@pytest.mark.parametrize(
    ("on_line", "in_master", "expected"),
    [
        (None, YES, YES),
        (None, NON, NON),
        (YES, NON, YES),
        (NON, YES, NON),
        (YES, None, YES),
        # Neither can be set up; what is not chargeable is not charged.
        (COMPLIMENTARY, YES, NON),
        (None, NONE, NON),
    ],
)
def test_what_the_line_says_counts_before_the_master(
    on_line: BillingType | None, in_master: BillingType | None, expected: BillingType
) -> None:
    assert chargeability(TIME, included=True, role=Setting(on_line, in_master)).billing_type is expected
    assert chargeability(EXPENSE, included=True, category=Setting(on_line, in_master)).billing_type is expected


@pytest.mark.parametrize(("kind", "word"), [(TIME, "role"), (EXPENSE, "category")])
def test_where_nobody_says_anything_nothing_is_guessed(kind: TransactionClass, word: str) -> None:
    for settings in ({}, {word: Setting()}):
        with pytest.raises(Refusal, match=f"nor the master of its {word} says") as told:
            chargeability(kind, included=True, **settings)
        assert told.value.code == "billing-type-missing"
    free_task = chargeability(kind, included=True, task=Setting(NON))
    assert free_task.billing_type is NON


@pytest.mark.parametrize(
    ("found", "because"),
    [
        (chargeability(TIME, included=False), "The contract line does not include time."),
        (chargeability(TIME, included=True, role=Setting(YES)), "Its role may be charged on the contract line."),
        (
            chargeability(EXPENSE, included=True, category=Setting(YES), task=Setting(YES)),
            "Its category and task may be charged on the contract line.",
        ),
        (chargeability(EXPENSE, included=True, category=Setting(NON)), "Its category is not chargeable on the line."),
        (
            chargeability(TIME, included=True, role=Setting(NON), task=Setting(NON)),
            "Its role and task are not chargeable on the line.",
        ),
        (chargeability(MATERIAL, included=True), "Its class may be charged on the contract line."),
    ],
)
def test_the_sentence_names_what_decided(found: object, because: str) -> None:
    assert getattr(found, "because") == because  # noqa: B009


LINE, OTHER_LINE, ROLE, TASK, CATEGORY = (uid(number) for number in range(951, 956))


def setting(number: int, line: object, thing: object, billing_type: int | None, **changes: object) -> Row:
    cells = {
        "msdyn_contractlineid": line,
        "msdyn_resourcecategory": thing,
        "msdyn_billingtype": billing_type,
        **changes,
    }
    return row(Ref("msdyn_orderlineresourcecategory", uid(number)), cells)  # type: ignore[arg-type]


def test_settings_are_read_by_line_and_inactive_ones_left_out() -> None:
    line, other = Ref("salesorderdetail", LINE), Ref("salesorderdetail", OTHER_LINE)
    role = Ref("bookableresourcecategory", ROLE)
    found = on_lines(
        [
            setting(961, line, role, NON),
            setting(962, other, role, YES, statecode=1),
            setting(963, None, role, NON),
            setting(964, other, None, NON),
        ],
        "msdyn_resourcecategory",
    )
    assert found == {(LINE, ROLE): NON}
    assert in_masters([row(role, {"msdyn_billingtype": YES})]) == {ROLE: YES}


def test_a_line_is_judged_by_its_own_settings() -> None:
    known = Chargeables(
        line_roles={(LINE, ROLE): NON},
        line_categories={(OTHER_LINE, CATEGORY): NON},
        roles={ROLE: YES},
        categories={CATEGORY: YES},
        tasks={(OTHER_LINE, TASK): NON},
    )
    assert known.of(LINE, TIME, ROLE, None, TASK).billing_type is NON
    assert known.of(OTHER_LINE, TIME, ROLE, None, None).billing_type is YES
    assert known.of(OTHER_LINE, TIME, ROLE, None, TASK).billing_type is NON
    assert known.of(LINE, EXPENSE, None, CATEGORY, TASK).billing_type is YES
    assert known.of(OTHER_LINE, EXPENSE, None, CATEGORY, None).billing_type is NON
    with pytest.raises(Refusal):
        known.of(LINE, TIME, None, CATEGORY, None)
