"""Origins and connections."""

from __future__ import annotations

from uuid import UUID

from mappings import keys, links, tables
from mappings.tables import Ref
from tests.mappings.samples import COST_JOURNAL, ENTRY, uid

COST, SALES = uid(800), uid(801)


def test_an_actual_comes_from_its_journal_line_and_its_entry() -> None:
    made = links.origins((COST_JOURNAL, None, ENTRY), COST)
    assert [one.values["msdyn_origin"] for one in made] == [str(COST_JOURNAL.id), str(ENTRY.id)]
    assert [one.values["msdyn_origintype"] for one in made] == ["msdyn_journalline", "msdyn_timeentry"]
    assert {one.values["msdyn_transaction"] for one in made} == {str(COST)}
    assert {one.values["msdyn_transactiontype"] for one in made} == {"msdyn_actual"}
    assert [one.row for one in made] == [
        Ref(tables.ORIGIN, keys.origin_id(COST_JOURNAL.id, COST)),
        Ref(tables.ORIGIN, keys.origin_id(ENTRY.id, COST)),
    ]


def roles(first: UUID, first_role: str, second: UUID, second_role: str) -> dict[str, str]:
    """A connection's columns."""
    return {
        "msdyn_transaction1": str(first),
        "msdyn_transaction1type": "msdyn_actual",
        "msdyn_transaction1role": first_role,
        "msdyn_transaction2": str(second),
        "msdyn_transaction2type": "msdyn_actual",
        "msdyn_transaction2role": second_role,
    }


def test_unbilled_sales_come_first_and_their_cost_second() -> None:
    made = links.sales_and_cost(SALES, COST)
    assert made.values == roles(SALES, "Unbilled Sales", COST, "Cost")
    assert made.row == Ref(tables.CONNECTION, keys.connection_id(SALES, COST))


def test_the_reversing_row_comes_first_and_the_original_second() -> None:
    assert links.reversing(SALES, COST).values == roles(SALES, "Reversing", COST, "Original")
