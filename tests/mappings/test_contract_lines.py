"""Which contract line an entry bills to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mappings import tables
from mappings.choices import BillingMethod, TransactionClass
from mappings.contract_lines import contract_line, line_for
from mappings.refusal import Refusal
from mappings.tables import Cell, Ref
from tests.mappings.samples import CONTRACT, LINE, PROJECT, TASK, line, row, uid

SERVICE: dict[str, Cell] = {
    "salesorderdetailname": "Implementation",
    "salesorderid": CONTRACT,
    "msdyn_project": PROJECT,
    "msdyn_billingmethod": 192350000,
    "producttypecode": 5,
    "msdyn_includetime": True,
    "msdyn_includeexpense": True,
    "msdyn_includefee": False,
}


def test_a_project_based_line_is_read_with_what_it_includes() -> None:
    read = contract_line(row(LINE, SERVICE))
    assert read is not None
    assert (read.ref, read.name, read.contract, read.project) == (LINE, "Implementation", CONTRACT.id, PROJECT.id)
    assert read.method is BillingMethod.TIME_AND_MATERIAL
    assert read.includes == {TransactionClass.TIME, TransactionClass.EXPENSE}


@pytest.mark.parametrize("cells", [{"producttypecode": 1}, {"msdyn_project": None}, {"producttypecode": None}])
def test_a_product_line_and_a_line_without_project_take_no_entry(cells: dict[str, Cell]) -> None:
    assert contract_line(row(LINE, {**SERVICE, **cells})) is None


def test_a_line_without_billing_method_is_refused_by_name() -> None:
    with pytest.raises(Refusal) as caught:
        contract_line(row(LINE, {**SERVICE, "msdyn_billingmethod": None}))
    assert caught.value.code == "contract-line-without-method"
    assert str(LINE.id) in caught.value.sentence


def test_a_line_with_an_unknown_billing_method_is_refused_by_name() -> None:
    with pytest.raises(Refusal) as caught:
        contract_line(row(LINE, {**SERVICE, "msdyn_billingmethod": 690970000}))
    assert caught.value.code == "unknown-choice"
    assert str(LINE.id) in caught.value.sentence


def test_two_lines_that_both_include_time_are_no_guess_and_are_both_named() -> None:
    other = line(ref=Ref(tables.CONTRACT_LINE, uid(60)), name="Support")
    with pytest.raises(Refusal) as caught:
        line_for(TransactionClass.TIME, [line(), other])
    assert caught.value.code == "two-contract-lines"
    for named in ("Implementation", "Support", str(LINE.id), str(other.ref.id), "time"):
        assert named in caught.value.sentence


def test_one_line_may_take_time_and_another_the_expenses_of_the_same_project() -> None:
    time = line(includes=(TransactionClass.TIME,))
    travel = line(BillingMethod.FIXED_PRICE, (TransactionClass.EXPENSE,), Ref(tables.CONTRACT_LINE, uid(60)), "Travel")
    assert line_for(TransactionClass.TIME, [time, travel]) is time
    assert line_for(TransactionClass.EXPENSE, [travel, time]) is travel
    assert line_for(TransactionClass.MATERIAL, [time, travel]) is None


def test_without_any_line_there_is_none() -> None:
    assert line_for(TransactionClass.TIME, []) is None


def test_a_line_that_selects_tasks_takes_those_only() -> None:
    selecting = replace(line(), tasks=frozenset({TASK.id}))
    assert line_for(TransactionClass.TIME, [selecting], TASK.id) is selecting
    assert line_for(TransactionClass.TIME, [selecting], uid(61)) is None
    assert line_for(TransactionClass.TIME, [selecting], None) is None


def test_two_lines_may_share_a_class_when_each_selects_its_own_tasks() -> None:
    mine = replace(line(), tasks=frozenset({TASK.id}))
    other = replace(line(ref=Ref(tables.CONTRACT_LINE, uid(60)), name="Support"), tasks=frozenset({uid(61)}))
    assert line_for(TransactionClass.TIME, [mine, other], TASK.id) is mine
    assert line_for(TransactionClass.TIME, [mine, other], uid(61)) is other


def test_a_line_for_the_whole_project_beside_one_that_selects_the_task_is_no_guess() -> None:
    mine = replace(line(), tasks=frozenset({TASK.id}))
    whole = line(ref=Ref(tables.CONTRACT_LINE, uid(60)), name="Support")
    with pytest.raises(Refusal) as caught:
        line_for(TransactionClass.TIME, [mine, whole], TASK.id)
    assert "Implementation" in caught.value.sentence
    assert "Support" in caught.value.sentence
    assert line_for(TransactionClass.TIME, [mine, whole], uid(61)) is whole


def test_the_tasks_a_line_selects_are_read_with_it() -> None:
    read = contract_line(row(LINE, SERVICE), frozenset({TASK.id}))
    assert read is not None
    assert read.tasks == frozenset({TASK.id})
    plain = contract_line(row(LINE, SERVICE))
    assert plain is not None
    assert plain.tasks is None
