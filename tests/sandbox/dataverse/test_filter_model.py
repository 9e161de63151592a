"""Any filter finds the rows that a model in plain Python finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.clock import Clock
from sandbox.dataverse.odata.parse import parse_filter
from sandbox.dataverse.odata.sql import Sql
from sandbox.dataverse.organisation import Organisation
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Row

WORDS = [None, "a", "A", "ab", "b%", "a_b", "o'b", "(x)", "eq", "null"]
NUMBERS = [None, 0, 1, 9, 10, 200]
AMOUNTS = [None, Decimal("0.00"), Decimal("9.50"), Decimal("10.00"), Decimal("3.20")]
FLAGS = [None, True, False]
ORDER = {"eq": 0, "ne": 0, "gt": 1, "ge": 1, "lt": 1, "le": 1}


@dataclass(frozen=True)
class Filter:
    """A filter's text, and what it means."""

    text: str
    holds: Callable[[Row], bool]


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    organisation = Organisation(Clock())
    with organisation.transaction(USERS["administrator"]) as uow:
        for number in range(60):
            row: Row = {
                "telephone1": WORDS[number % len(WORDS)],
                "numberofemployees": NUMBERS[number % len(NUMBERS)],
                "revenue": AMOUNTS[number % len(AMOUNTS)],
                "creditonhold": FLAGS[number % 3],
                "name": f"n{number}",
            }
            uow.create("account", row)
    return organisation


def compare(left: object, operator: str, right: object) -> bool:
    if left is None:
        return operator == "ne"
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.lower(), right.lower()
    results = {"eq": left == right, "ne": left != right}
    if operator in results:
        return results[operator]
    results = {"gt": left > right, "ge": left >= right, "lt": left < right, "le": left <= right}  # type: ignore[operator]
    return results[operator]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def literal(value: object) -> str:
    return quoted(value) if isinstance(value, str) else str(value).lower()


def comparison(column: str, operator: str, value: object) -> Filter:
    return Filter(f"{column} {operator} {literal(value)}", lambda row: compare(row[column], operator, value))


def empty(column: str, yes: bool) -> Filter:
    return Filter(f"{column} {'eq' if yes else 'ne'} null", lambda row: (row[column] is None) is yes)


def text_match(function: str, text: str) -> Filter:
    def holds(row: Row) -> bool:
        value = row["telephone1"]
        if not isinstance(value, str):
            return False
        value, part = value.lower(), text.lower()
        return {"contains": part in value, "startswith": value.startswith(part), "endswith": value.endswith(part)}[
            function
        ]

    return Filter(f"{function}(telephone1,{quoted(text)})", holds)


def member(texts: list[str], style: str) -> Filter:
    wanted = {text.lower() for text in texts}
    listed = ",".join(quoted(text) for text in texts)
    text = f"telephone1 in ({listed})"
    if style == "function":
        text = f"Microsoft.Dynamics.CRM.In(PropertyName='telephone1',PropertyValues=[{listed}])"
    return Filter(text, lambda row: isinstance(row["telephone1"], str) and row["telephone1"].lower() in wanted)


def joined(word: str, parts: list[Filter]) -> Filter:
    text = f" {word} ".join(f"({part.text})" for part in parts)
    judge = all if word == "and" else any
    return Filter(text, lambda row: judge(part.holds(row) for part in parts))


def negated(part: Filter) -> Filter:
    return Filter(f"not ({part.text})", lambda row: not part.holds(row))


def bare(parts: list[Filter]) -> Filter:
    """``a or b and c`` without parentheses: ``and`` binds tighter."""
    first, *rest = parts
    return Filter(
        f"{first.text} or {' and '.join(part.text for part in rest)}",
        lambda row: first.holds(row) or all(part.holds(row) for part in rest),
    )


texts = st.sampled_from(["", "%", "_", *(word for word in WORDS if word is not None)])
leaves = st.one_of(
    st.builds(comparison, st.just("telephone1"), st.sampled_from(list(ORDER)), texts),
    st.builds(
        comparison,
        st.just("numberofemployees"),
        st.sampled_from(list(ORDER)),
        st.sampled_from([n for n in NUMBERS if n is not None]),
    ),
    st.builds(
        comparison,
        st.just("revenue"),
        st.sampled_from(list(ORDER)),
        st.sampled_from([Decimal("-1"), *(a for a in AMOUNTS if a is not None)]),
    ),
    st.builds(comparison, st.just("creditonhold"), st.sampled_from(["eq", "ne"]), st.booleans()),
    st.builds(empty, st.sampled_from(["telephone1", "numberofemployees", "revenue", "creditonhold"]), st.booleans()),
    st.builds(text_match, st.sampled_from(["contains", "startswith", "endswith"]), texts),
    st.builds(member, st.lists(texts, min_size=1, max_size=4), st.sampled_from(["operator", "function"])),
)
filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
        st.builds(negated, inner),
        st.builds(bare, st.lists(leaves, min_size=2, max_size=3)),
    ),
    max_leaves=8,
)


@settings(max_examples=250, deadline=None)
@given(question=filters)
def test_a_filter_finds_what_the_model_finds(organisation: Organisation, question: Filter) -> None:
    table = organisation.catalog.table("account")
    sql = Sql(organisation.catalog, table)
    condition = sql.condition(parse_filter(question.text))
    with organisation.transaction(USERS["administrator"]) as uow:
        everything = uow.find("account")
        found = {row["accountid"] for row in uow.store.rows(table, condition, sql.parameters)}
    expected: set[object] = {row["accountid"] for row in everything if question.holds(row)}
    assert found == expected
    assert all(isinstance(id, UUID) for id in found)
