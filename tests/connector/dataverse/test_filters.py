from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from connector.dataverse.changes import Reference, Value
from connector.dataverse.filters import MAX_PATH, filter_text, path_of, split
from connector.dataverse.query import AnyOf, Compare, Condition, Query, all_of, any_of, either, equals
from connector.errors import Misconfigured
from tests.connector.dataverse.environment import ONE, TWO, table

ACCOUNT = table("account")


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (equals("name", "O'Hara & Söhne"), "name eq 'O''Hara & Söhne'"),
        (equals("employees", 3), "employees eq 3"),
        (equals("onhold", True), "onhold eq true"),
        (Compare("revenue", "ge", Decimal("10.50")), "revenue ge 10.50"),
        (Compare("createdon", "lt", datetime(2024, 1, 2, 3, tzinfo=UTC)), "createdon lt 2024-01-02T03:00:00Z"),
        (equals("founded", date(1999, 12, 31)), "founded eq 1999-12-31"),
        (equals("name", None), "name eq null"),
        (Compare("primarycontactid", "ne", None), "_primarycontactid_value ne null"),
        (equals("primarycontactid", Reference("contact", ONE)), f"_primarycontactid_value eq {ONE}"),
        (equals("primarycontactid", ONE), f"_primarycontactid_value eq {ONE}"),
        (equals("accountid", ONE), f"accountid eq {ONE}"),
        (equals("primarycontactid/fullname", "Ann"), "primarycontactid/fullname eq 'Ann'"),
        (any_of("name", ["a"]), "Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['a'])"),
        (any_of("statecode", [0, 1]), "Microsoft.Dynamics.CRM.In(PropertyName='statecode',PropertyValues=['0','1'])"),
        (
            any_of("primarycontactid", [Reference("contact", ONE), TWO]),
            f"Microsoft.Dynamics.CRM.In(PropertyName='primarycontactid',PropertyValues=['{ONE}','{TWO}'])",
        ),
        (
            any_of("name", ["O'Hara", 'x"y']),
            """Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=["O'Hara","x\\"y"])""",
        ),
        (
            any_of("primarycontactid", [ONE, None]),
            f"(Microsoft.Dynamics.CRM.In(PropertyName='primarycontactid',PropertyValues=['{ONE}'])"
            " or _primarycontactid_value eq null)",
        ),
        (
            all_of(equals("name", "a"), either(equals("employees", 1), equals("employees", 2))),
            "name eq 'a' and (employees eq 1 or employees eq 2)",
        ),
        (
            either(all_of(equals("name", "a"), equals("employees", 1)), equals("name", "b")),
            "(name eq 'a' and employees eq 1) or name eq 'b'",
        ),
    ],
)
def test_a_condition_has_this_text(condition: Condition, text: str) -> None:
    assert filter_text(condition, ACCOUNT) == text


def test_a_lookup_that_leads_to_several_tables_is_not_looked_through() -> None:
    with pytest.raises(Misconfigured, match=r"order\.customerid leads to 2 tables"):
        filter_text(equals("customerid/name", "Ann"), table("order"))


def test_a_path_names_columns_by_their_properties_and_encodes_what_addresses_cannot_hold() -> None:
    query = Query(
        "account",
        ["name", "primarycontactid", "name"],
        equals("name", "a+b & c#ü"),
        order_by=["createdon desc", "primarycontactid"],
        top=10,
    )

    assert path_of(query, ACCOUNT) == (
        "accounts?$select=name,_primarycontactid_value&$filter=name%20eq%20'a%2Bb%20%26%20c%23%C3%BC'"
        "&$orderby=createdon%20desc,_primarycontactid_value&$top=10"
    )


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(Misconfigured, match="account has no column nme"):
        path_of(Query("account", ["nme"]), ACCOUNT)


def test_a_kind_of_column_that_cannot_be_read_is_refused_by_name() -> None:
    with pytest.raises(Misconfigured, match="parties of account is a PartyList"):
        path_of(Query("account", ["parties"]), ACCOUNT)


def test_a_float_in_a_filter_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        filter_text(equals("revenue", 1.5), ACCOUNT)  # type: ignore[arg-type]


@pytest.mark.parametrize("entry", ["name descending", "name desc asc"])
def test_an_ordering_nobody_knows_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="not a column name"):
        path_of(Query("account", ["name"], order_by=[entry]), ACCOUNT)


def test_an_operator_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="'like'"):
        filter_text(Compare("name", "like", "x"), ACCOUNT)


@pytest.mark.parametrize(
    "condition",
    [
        any_of("name", []),
        all_of(equals("name", "a"), any_of("accountid", [])),
        either(any_of("name", []), all_of(any_of("accountid", []), equals("name", "a"))),
        either(),
    ],
)
def test_what_can_match_nothing_is_not_asked(condition: Condition) -> None:
    assert split(Query("account", ["name"], condition), ACCOUNT) == []


def test_parts_that_say_nothing_are_left_out() -> None:
    [query] = split(Query("account", ["name"], either(any_of("name", []), all_of(equals("name", "a")))), ACCOUNT)

    assert query.where == equals("name", "a")


def test_one_distinct_value_is_a_plain_comparison() -> None:
    [query] = split(Query("account", ["name"], any_of("name", ["a", "a"])), ACCOUNT)

    assert query.where == equals("name", "a")


def test_a_long_list_is_split_so_that_every_path_is_short_and_every_value_is_asked_once() -> None:
    ids = [UUID(int=number) for number in range(3000)]
    query = Query("account", ["name"], all_of(equals("statecode", 0), any_of("accountid", ids)))

    parts = split(query, ACCOUNT)

    assert len(parts) > 1
    assert all(len(path_of(part, ACCOUNT)) <= MAX_PATH for part in parts)
    asked: list[Value] = [value for part in parts for found in lists(part.where) for value in found.values]
    assert asked == ids


def test_a_filter_that_is_too_long_without_a_list_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        split(Query("account", ["name"], equals("name", "x" * 40_000)), ACCOUNT)


def lists(condition: Condition | None) -> Iterator[AnyOf]:
    if isinstance(condition, AnyOf):
        yield condition
    for part in getattr(condition, "parts", ()):
        yield from lists(part)
