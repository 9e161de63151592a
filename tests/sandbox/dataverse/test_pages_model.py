"""Any order, in pages of any size, and any sum comes out as plain Python has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.clock import Clock
from sandbox.dataverse.server import DataverseServer
from tests.sandbox.dataverse.conftest import Api

if TYPE_CHECKING:
    from sandbox.dataverse.unit_of_work import Row
    from tests.sandbox.dataverse.conftest import Loop

COUNT = 40
NUMBERS = [None, 3, 0, 3, 70]
AMOUNTS = [None, Decimal("9.50"), Decimal("10.00"), Decimal("9.5"), Decimal("100.25"), Decimal("0.10")]
TEXTS = [None, "b", "a", "B", "aa", "a_"]
COLUMNS: dict[str, list[Any]] = {"numberofemployees": NUMBERS, "revenue": AMOUNTS, "telephone1": TEXTS}

Sample = dict[str, Any]


@pytest.fixture(scope="module")
def rows() -> list[Sample]:
    return [
        {"name": f"n{number:02}"} | {name: values[number % len(values)] for name, values in COLUMNS.items()}
        for number in range(COUNT)
    ]


@pytest.fixture(scope="module")
def sheet(loop: Loop, rows: list[Sample]) -> Iterator[Api]:
    server = DataverseServer(Clock())
    loop.run(server.start())
    with server.transaction() as uow:
        for row in rows:
            values: Row = dict(row)
            uow.create("account", values)
    api = Api(server, "service")
    yield api
    api.close()
    loop.end(server.stop())


def rank(value: Any) -> tuple[bool, Any]:
    return value is not None, value.lower() if isinstance(value, str) else value


orders = st.lists(st.tuples(st.sampled_from([*COLUMNS, "name"]), st.booleans()), max_size=3, unique_by=lambda o: o[0])


@settings(max_examples=60, deadline=None)
@given(order=orders, size=st.integers(1, COUNT + 1), least=st.sampled_from([None, "n05", "n20"]))
def test_pages_in_any_order_are_what_sorting_gives(
    sheet: Api, rows: list[Sample], order: list[tuple[str, bool]], size: int, least: str | None
) -> None:
    expected = [row for row in rows if least is None or row["name"] >= least]
    for name, descending in reversed(order):
        expected.sort(key=lambda row, name=name: rank(row[name]), reverse=descending)  # type: ignore[misc]
    asked = ",".join(f"{name} {'desc' if descending else 'asc'}" for name, descending in order)
    path = "accounts?$select=name" + (f"&$orderby={asked}" if asked else "")
    path += f"&$filter=name ge '{least}'" if least else ""
    found: list[str] = []
    requests = 0
    while path:
        page = sheet.get(path, Prefer=f"odata.maxpagesize={size}")
        found += [row["name"] for row in page["value"]]
        path = page.get("@odata.nextLink", "").removeprefix(f"{sheet.root}/")
        requests += 1
    assert found == [row["name"] for row in expected]
    assert requests == max(1, -(-len(expected) // size))


@settings(max_examples=60, deadline=None)
@given(
    group=st.sampled_from([*COLUMNS, None]), of=st.sampled_from(["numberofemployees", "revenue"]), above=st.booleans()
)
def test_sums_and_groups_are_what_adding_up_gives(
    sheet: Api, rows: list[Sample], group: str | None, of: str, above: bool
) -> None:
    kept = [row for row in rows if not above or (row["numberofemployees"] or 0) > 0]
    groups: defaultdict[Any, list[Sample]] = defaultdict(list)
    for row in kept:
        groups[rank(row[group])[1] if group else None].append(row)
    asked = f"aggregate($count as n,{of} with sum as s,{of} with min as low,{of} with max as high)"
    asked = f"groupby(({group}),{asked})" if group else asked
    asked = f"filter(numberofemployees gt 0)/{asked}" if above else asked
    answer = sheet.get(f"accounts?$apply={asked}")["value"]
    assert len(answer) == len(groups)
    for value in answer:
        key = value.get(group) if group else None
        members = groups[Decimal(str(key)) if isinstance(key, float) else rank(key)[1]]
        numbers = [row[of] for row in members if row[of] is not None]
        assert value["n"] == len(members)
        assert value["high"] == (pytest.approx(float(max(numbers))) if numbers else None)
        assert value["s"] == (pytest.approx(float(sum(numbers))) if numbers else None)
        assert value["low"] == (pytest.approx(float(min(numbers))) if numbers else None)
