"""Milestones total their fixed-price line, to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings import tables
from mappings.milestone_totals import mismatch
from mappings.tables import Cell, Ref
from tests.mappings.samples import CONTRACT, row, uid

LINE: dict[str, Cell] = {"extendedamount": Decimal("11900.00"), "tax": Decimal("1900.00"), "salesorderid": CONTRACT}
PERIODIC = ("3333.33", "3333.33", "3333.34")


@pytest.mark.parametrize(
    ("amounts", "words"),
    [
        (PERIODIC, None),
        (("10000.00",), None),
        ((), "no milestones"),
        (("3333.33",) * 3, "leave out"),
        (("3333.34",) * 3, "exceed"),
        (("0",), "leave out"),
    ],
)
def test_what_milestones_leave_out_or_exceed_is_told(amounts: tuple[str, ...], words: str | None) -> None:
    line = row(Ref(tables.CONTRACT_LINE, uid(1)), LINE)
    milestones = [
        row(Ref(tables.MILESTONE, uid(10 + number)), {"msdyn_amount": Decimal(amount)})
        for number, amount in enumerate(amounts)
    ]
    found = mismatch(line, milestones)
    assert (found is None) is (words is None)
    if found is not None and words is not None:
        assert words in found.why
        assert (found.agreed, found.milestones) == (Decimal(10000), len(amounts))
        assert found.total == sum(map(Decimal, amounts))
        assert found.contract == CONTRACT.id


def test_a_line_worth_nothing_needs_a_milestone_too() -> None:
    found = mismatch(row(Ref(tables.CONTRACT_LINE, uid(1)), {}), [])
    assert found is not None
    assert found.contract is None
