"""A profile's own columns: what has to be read for them, and what they hold on which actual."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from mappings import tables
from mappings.choices import TransactionClass, TransactionType
from mappings.profile import OwnColumn, Profile, Source
from mappings.row import Row
from mappings.tables import Cell, Ref

COST, SALES = TransactionType.COST, TransactionType.UNBILLED_SALES
TIME, EXPENSE = TransactionClass.TIME, TransactionClass.EXPENSE
CENTRE = Ref("new_costcentre", UUID(int=7))
PROFILE = Profile(
    columns=(
        OwnColumn("new_centre", Source.ENTRY, "new_centre", on=frozenset({COST})),
        OwnColumn("new_overtime", Source.ENTRY, "new_overtime", entries=frozenset({TIME})),
        OwnColumn("new_reason", Source.APPROVAL, "new_reason"),
        OwnColumn("new_system", Source.CONSTANT, constant="psa-connector"),
        OwnColumn("new_flat", Source.CONSTANT, constant=False),
    ),
    days=((tables.ACTUAL, "msdyn_transactiondate"),),
)


def row(table: str, **cells: Cell) -> Row:
    return Row(Ref(table, UUID(int=1)), 'W/"1"', cells)


ENTRY = row(tables.TIME_ENTRY, new_centre=CENTRE, new_overtime=Decimal("1.5"))
APPROVAL = row(tables.APPROVAL, new_reason="urgent")


def test_every_source_fills_its_column_on_the_actuals_it_is_meant_for() -> None:
    everywhere = {"new_reason": "urgent", "new_system": "psa-connector", "new_flat": False}
    overtime = {"new_overtime": Decimal("1.5")}
    assert PROFILE.own_values(COST, TIME, ENTRY, APPROVAL) == {"new_centre": CENTRE} | overtime | everywhere
    assert PROFILE.own_values(SALES, TIME, ENTRY, APPROVAL) == overtime | everywhere
    assert PROFILE.own_values(COST, EXPENSE, ENTRY, APPROVAL) == {"new_centre": CENTRE} | everywhere


def test_what_is_empty_is_left_out() -> None:
    held = PROFILE.own_values(COST, TIME, row(tables.TIME_ENTRY, new_centre=None), None)
    assert held == {"new_system": "psa-connector", "new_flat": False}
    assert Profile().own_values(COST, TIME, ENTRY, APPROVAL) == {}


def test_the_columns_to_read_are_named_by_where_they_come_from_each_once() -> None:
    twice = Profile(
        columns=(
            OwnColumn("new_a", Source.ENTRY, "new_x", on=frozenset({COST})),
            OwnColumn("new_b", Source.ENTRY, "new_x", on=frozenset({SALES})),
        )
    )
    assert twice.read_from_entries(TIME) == ("new_x",)
    assert PROFILE.read_from_entries(TIME) == ("new_centre", "new_overtime")
    assert PROFILE.read_from_entries(EXPENSE) == ("new_centre",)
    assert PROFILE.read_from_approvals() == ("new_reason",)
    assert PROFILE.own_columns() == ("new_centre", "new_overtime", "new_reason", "new_system", "new_flat")


def test_a_table_has_a_day_column_only_where_the_environment_has_one() -> None:
    assert PROFILE.day_of(tables.ACTUAL) == "msdyn_transactiondate"
    assert PROFILE.day_of(tables.TIME_ENTRY) is None
