"""One column's value in an execution context, kind by kind."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from sandbox.dataverse.catalog import Column
from sandbox.dataverse.execution_context import CONTRACTS, Json, wrap
from sandbox.dataverse.unit_of_work import Cell, Link

ID = UUID("363f97fd-11c8-5364-ae07-3a8464da3d51")


def choice(value: int) -> dict[str, Json]:
    return {"__type": f"OptionSetValue:{CONTRACTS}", "Value": value}


@pytest.mark.parametrize(
    ("kind", "cell", "expected"),
    [
        ("string", "Łódź", "Łódź"),
        ("string", None, None),
        ("integer", 480, 480),
        ("boolean", True, True),
        ("decimal", Decimal("1.0000000000"), Decimal("1.0000000000")),
        ("guid", ID, str(ID)),
        ("picklist", 192350002, choice(192350002)),
        ("state", 0, choice(0)),
        ("multiselectpicklist", "1,3", [choice(1), choice(3)]),
        ("money", Decimal("2154.32"), {"__type": f"Money:{CONTRACTS}", "Value": Decimal("2154.32")}),
        ("datetime", datetime(2026, 2, 10, 5, tzinfo=UTC), "/Date(1770699600000)/"),
        ("datetime", date(2026, 2, 10), "/Date(1770681600000)/"),
    ],
)
def test_a_value_is_wrapped_as_its_kind_demands(kind: str, cell: Cell, expected: Json) -> None:
    assert wrap(Column("column", kind, "Column"), cell) == expected


def test_a_lookup_has_its_name_in_images_only() -> None:
    column, link = Column("msdyn_project", "lookup", "msdyn_project"), Link("msdyn_project", ID)
    reference: dict[str, Json] = {
        "__type": f"EntityReference:{CONTRACTS}",
        "Id": str(ID),
        "KeyAttributes": [],
        "LogicalName": "msdyn_project",
        "Name": None,
        "RowVersion": None,
    }
    assert wrap(column, link) == reference
    assert wrap(column, link, lambda _: "Adatum rollout") == reference | {"Name": "Adatum rollout"}
