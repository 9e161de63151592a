"""Which dimensions count in which context, in which order, and what columns they are read from."""

from __future__ import annotations

from mappings.dimensions import DEFAULT, RESOURCE, ROLE, UNIT, Dimension, dimensions, in_order, own
from mappings.price_lists import Context
from mappings.row import Row
from mappings.tables import Cell, Ref
from tests.mappings.price_samples import dimension
from tests.mappings.samples import row, uid

AMOUNT, MARKUP = 192350000, 192350001


def listed(number: int, name: str, priority: int | None, **changes: Cell) -> Row:
    cells: dict[str, Cell] = {
        "msdyn_name": name,
        "msdyn_type": AMOUNT,
        "msdyn_applicabletocost": True,
        "msdyn_applicabletosales": True,
        "msdyn_costpriority": priority,
        "msdyn_salespriority": priority,
    }
    return row(Ref("msdyn_dimension", uid(number)), cells | changes)


def called(number: int, of: int, table: str, field: str, **changes: Cell) -> Row:
    cells: dict[str, Cell] = {
        "msdyn_dimensionid": Ref("msdyn_dimension", uid(of)),
        "msdyn_entitylogicalname": table,
        "msdyn_fieldname": field,
    }
    return row(Ref("msdyn_dimensionfieldname", uid(number)), cells | changes)


def columns(found: tuple[Dimension, ...], context: Context, with_markups: bool = True) -> list[str]:
    return [one.column for one in in_order(found, context, with_markups=with_markups)]


def test_without_any_listed_a_price_is_found_by_role_and_then_by_organizational_unit() -> None:
    assert dimensions([], []) == DEFAULT
    for context in (Context.COST, Context.SALES):
        assert columns(DEFAULT, context) == [ROLE, UNIT]


def test_the_smallest_number_matters_most_and_none_at_all_the_least() -> None:
    rows = [
        listed(501, ROLE, 2),
        listed(502, "msdyn_OrganizationalUnit", 3),
        listed(503, RESOURCE, 0),
        listed(504, "new_band", None),
    ]
    for order in (rows, rows[::-1]):
        assert columns(dimensions(order, []), Context.SALES) == [RESOURCE, ROLE, UNIT, "new_band"]


def test_each_context_has_its_own_dimensions_and_priorities() -> None:
    found = dimensions(
        [
            listed(501, ROLE, 1, msdyn_applicabletocost=False),
            listed(502, UNIT, 2, msdyn_costpriority=5),
            listed(505, "new_band", 3, msdyn_applicabletosales=False, msdyn_costpriority=1),
        ],
        [],
    )
    assert columns(found, Context.COST) == ["new_band", UNIT]
    assert columns(found, Context.SALES) == [ROLE, UNIT]


def test_markup_dimensions_count_for_markups_only() -> None:
    found = dimensions([listed(501, ROLE, 1), listed(506, "new_hours", 2, msdyn_type=MARKUP)], [])
    assert columns(found, Context.COST, with_markups=False) == [ROLE]
    assert columns(found, Context.COST) == [ROLE, "new_hours"]


def test_a_time_entry_may_call_a_dimension_something_else() -> None:
    rows = [listed(507, "new_Band", 1), listed(508, "new_hours", 2)]
    names = [
        called(601, 507, "msdyn_timeentry", "new_SalaryBand"),
        called(602, 508, "msdyn_projectteam", "new_teamhours"),
        called(603, 508, "msdyn_timeentry", "new_old", statecode=1),
    ]
    assert [(one.column, one.entry_column) for one in dimensions(rows, names)] == [
        ("new_band", "new_salaryband"),
        ("new_hours", "new_hours"),
    ]


def test_inactive_and_nameless_dimensions_are_none() -> None:
    found = dimensions([listed(501, ROLE, 1), listed(509, UNIT, 2, statecode=1), listed(510, "", 3)], [])
    assert columns(found, Context.SALES) == [ROLE]


def test_only_dimensions_an_administrator_added_and_that_count_are_read_from_the_entry() -> None:
    added, unused = dimension("new_band", 1), dimension("new_old", 2, for_cost=False, for_sales=False)
    assert own((*DEFAULT, added, unused)) == (added,)
    assert (added.word, DEFAULT[1].word) == ("new_band", "organizational unit")
