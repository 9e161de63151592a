"""Any filter finds the rows that a model in plain Python finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.clock import Clock
from sandbox.dataverse.odata.asked import Asked
from sandbox.dataverse.odata.parse import parse_filter
from sandbox.dataverse.odata.sql import Sql
from sandbox.dataverse.organisation import Organisation
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Link, Row

WORDS = [None, "a", "A", "ab", "b%", "a_b", "o'b", "(x)", "eq", "null"]
NUMBERS = [None, 0, 1, 9, 10, 200]
AMOUNTS = [None, Decimal("0.00"), Decimal("9.50"), Decimal("10.00"), Decimal("3.20")]
FLAGS = [None, True, False]
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
MOMENTS = [None, *(NOW + timedelta(hours=hours) for hours in (-9000, -900, -80, -13, -12, -1, 0, 11, 12, 100, 900))]
DAYS = [date(2026, 3, 3), date(2026, 3, 4), date(2026, 3, 5), date(2026, 2, 1)]
ASKED = Asked(USERS["administrator"], None, NOW, BERLIN, BERLIN)
COLUMNS = (
    *("telephone1", "fax", "numberofemployees", "importsequencenumber"),
    *("revenue", "creditonhold", "lastonholdtime"),
)

Model = dict[str, Any]
"""A row with its ``parent`` and ``children``."""


@dataclass(frozen=True)
class Filter:
    """What a filter says, given what stands before each property, and what it means."""

    say: Callable[[str], str]
    holds: Callable[[Model], bool]


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    organisation = Organisation(Clock())
    made: list[UUID] = []
    with organisation.transaction(USERS["administrator"]) as uow:
        for number in range(60):
            row: Row = {
                "telephone1": WORDS[number % len(WORDS)],
                "fax": WORDS[number % 3],
                "numberofemployees": NUMBERS[number % len(NUMBERS)],
                "importsequencenumber": NUMBERS[number % 4],
                "revenue": AMOUNTS[number % len(AMOUNTS)],
                "creditonhold": FLAGS[number % 3],
                "lastonholdtime": MOMENTS[number % len(MOMENTS)],
                "parentaccountid": Link("account", made[number // 4]) if number % 5 and made else None,
                "name": f"n{number}",
            }
            made.append(uow.create("account", row))
    return organisation


def compare(left: object, operator: str, right: object) -> bool:
    if left is None or right is None:
        return operator == "ne" and left is not right
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
    return Filter(
        lambda at: f"{at}{column} {operator} {literal(value)}", lambda row: compare(row[column], operator, value)
    )


def columns(pair: tuple[str, str], operator: str) -> Filter:
    left, right = pair
    return Filter(lambda at: f"{at}{left} {operator} {at}{right}", lambda row: compare(row[left], operator, row[right]))


def empty(column: str, yes: bool) -> Filter:
    return Filter(lambda at: f"{at}{column} {'eq' if yes else 'ne'} null", lambda row: (row[column] is None) is yes)


def like(value: str, pattern: str) -> bool:
    """Transact-SQL's LIKE: any text, any character, and one of a set or not of it."""
    if not pattern:
        return not value
    head, rest = pattern[0], pattern[1:]
    if head == "%":
        return any(like(value[at:], rest) for at in range(len(value) + 1))
    if head == "[" and "]" in rest:
        among, _, rest = rest.partition("]")
        inside = value[:1] in among.removeprefix("^")
        return bool(value) and inside is not among.startswith("^") and like(value[1:], rest)
    return bool(value) and head in ("_", value[0]) and like(value[1:], rest)


def text_match(function: str, text: str) -> Filter:
    def holds(row: Model) -> bool:
        value = row["telephone1"]
        if not isinstance(value, str):
            return False
        before, after = "" if function == "startswith" else "%", "" if function == "endswith" else "%"
        return like(value.lower(), f"{before}{text.lower()}{after}")

    return Filter(lambda at: f"{function}({at}telephone1,{quoted(text)})", holds)


def called(name: str, column: str, arguments: str, holds: Callable[[Any], bool]) -> Filter:
    return Filter(
        lambda at: f"Microsoft.Dynamics.CRM.{name}(PropertyName='{at}{column}'{arguments})",
        lambda row: row[column] is not None and holds(row[column]),
    )


def member(texts: list[str], style: str) -> Filter:
    wanted = {text.lower() for text in texts}
    listed = ",".join(quoted(text) for text in texts)
    if style == "operator":
        return Filter(
            lambda at: f"{at}telephone1 in ({listed})", lambda row: str(row["telephone1"] or "?").lower() in wanted
        )
    return called(
        style, "telephone1", f",PropertyValues=[{listed}]", lambda v: (v.lower() in wanted) == (style == "In")
    )


def between(low: int, high: int, name: str) -> Filter:
    listed = f",PropertyValues=['{low}','{high}']"
    return called(name, "numberofemployees", listed, lambda value: (low <= value <= high) == (name == "Between"))


def day(name: str, wanted: date) -> Filter:
    def holds(value: datetime) -> bool:
        found = value.astimezone(BERLIN).date()
        answers = {"On": found == wanted, "NotOn": found != wanted}
        return (answers | {"OnOrAfter": found >= wanted, "OnOrBefore": found <= wanted})[name]

    return called(name, "lastonholdtime", f",PropertyValue='{wanted}'", holds)


def period(name: str) -> Filter:
    today = NOW.astimezone(BERLIN).date()
    meaning: dict[str, Callable[[date, datetime], bool]] = {
        "Today": lambda found, _: found == today,
        "Yesterday": lambda found, _: found == today - timedelta(days=1),
        "ThisMonth": lambda found, _: (found.year, found.month) == (2026, 3),
        "LastYear": lambda found, _: found.year == 2025,
        "Last7Days": lambda found, value: found >= today - timedelta(days=7) and value <= NOW,
        "Next7Days": lambda found, value: found <= today + timedelta(days=7) and value >= NOW,
    }
    return called(name, "lastonholdtime", "", lambda value: meaning[name](value.astimezone(BERLIN).date(), value))


def joined(word: str, parts: list[Filter]) -> Filter:
    judge = all if word == "and" else any
    return Filter(
        lambda at: f" {word} ".join(f"({part.say(at)})" for part in parts),
        lambda row: judge(part.holds(row) for part in parts),
    )


def negated(part: Filter) -> Filter:
    return Filter(lambda at: f"not ({part.say(at)})", lambda row: not part.holds(row))


def bare(parts: list[Filter]) -> Filter:
    """``a or b and c`` without parentheses: ``and`` binds tighter."""
    first, *rest = parts
    return Filter(
        lambda at: f"{first.say(at)} or {' and '.join(part.say(at) for part in rest)}",
        lambda row: first.holds(row) or all(part.holds(row) for part in rest),
    )


def behind(part: Filter) -> Filter:
    """The parent's property; a row without a parent has only empty ones."""
    nobody = dict.fromkeys(COLUMNS)
    return Filter(lambda at: part.say(f"{at}parentaccountid/"), lambda row: part.holds(row["parent"] or nobody))


def of_children(word: str, part: Filter) -> Filter:
    judge = all if word == "all" else any

    def say(at: str) -> str:
        variable = f"{at.strip('/')}c"
        return f"{at}account_parent_account/{word}({variable}:{part.say(f'{variable}/')})"

    return Filter(say, lambda row: judge(part.holds(child) for child in row["children"]))


texts = st.sampled_from(["", "%", "_", *(word for word in WORDS if word is not None)])
patterns = st.text(alphabet="Abéz%_*?.", max_size=3) | st.sampled_from(["[%]", "[_]", "[ab]", "[^a]", "a_%"])
numbers = st.sampled_from([n for n in NUMBERS if n is not None])
operators = st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"])
pairs = st.sampled_from([("telephone1", "fax"), ("numberofemployees", "importsequencenumber")])
leaves = st.one_of(
    st.builds(comparison, st.just("telephone1"), operators, texts),
    st.builds(comparison, st.just("numberofemployees"), operators, numbers),
    st.builds(
        comparison,
        st.just("revenue"),
        operators,
        st.sampled_from([Decimal("-1"), *(a for a in AMOUNTS if a is not None)]),
    ),
    st.builds(comparison, st.just("creditonhold"), st.sampled_from(["eq", "ne"]), st.booleans()),
    st.builds(empty, st.sampled_from(COLUMNS), st.booleans()),
    st.builds(text_match, st.sampled_from(["contains", "startswith", "endswith"]), texts | patterns),
    st.builds(member, st.lists(texts, min_size=1, max_size=4), st.sampled_from(["operator", "In", "NotIn"])),
    st.builds(between, numbers, numbers, st.sampled_from(["Between", "NotBetween"])),
    st.builds(day, st.sampled_from(["On", "NotOn", "OnOrAfter", "OnOrBefore"]), st.sampled_from(DAYS)),
    st.builds(period, st.sampled_from(["Today", "Yesterday", "ThisMonth", "LastYear", "Last7Days", "Next7Days"])),
)
filters = st.recursive(
    leaves | st.builds(columns, pairs, operators) | st.builds(behind, leaves),
    lambda inner: st.one_of(
        st.builds(joined, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
        st.builds(negated, inner),
        st.builds(bare, st.lists(leaves, min_size=2, max_size=3)),
        st.builds(of_children, st.sampled_from(["any", "all"]), inner),
    ),
    max_leaves=8,
)


def family(rows: list[Row]) -> list[Model]:
    models: list[Model] = [dict(row) for row in rows]
    by_id = {model["accountid"]: model for model in models}
    for model in models:
        link = model["parentaccountid"]
        model["parent"] = by_id[link.id] if link else None
        model["children"] = [one for one in models if one["parentaccountid"] == Link("account", model["accountid"])]
    return models


@pytest.fixture(scope="module")
def models(organisation: Organisation) -> list[Model]:
    with organisation.transaction(USERS["administrator"]) as uow:
        return family(uow.find("account"))


@settings(max_examples=250, deadline=None)
@given(question=filters)
def test_a_filter_finds_what_the_model_finds(organisation: Organisation, models: list[Model], question: Filter) -> None:
    table = organisation.catalog.table("account")
    sql = Sql(organisation.catalog, table, ASKED)
    condition = sql.condition(parse_filter(question.say("")))
    with organisation.transaction(USERS["administrator"]) as uow:
        found = {row["accountid"] for row in uow.store.rows(table, condition, sql.parameters)}
    assert found == {row["accountid"] for row in models if question.holds(row)}
