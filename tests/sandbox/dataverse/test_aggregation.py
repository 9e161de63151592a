"""``$apply``: groups and what is worked out over them, against totals worked out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

ROWS = [("a", 10, 1.10, "x"), ("A", 20, 2.20, "y"), ("b", 30, 3.30, None), ("b", None, None, "x")]


@pytest.fixture(autouse=True)
def rows(api: Api) -> None:
    for name, number, amount, phone in ROWS:
        values = {"name": name, "numberofemployees": number, "revenue": amount, "telephone1": phone}
        api.create("accounts", values)


def apply(api: Api, text: str, more: str = "", **headers: str) -> list[dict[str, Any]]:
    answer = api.get(f"accounts?$apply={text}{more}", **headers)
    assert answer["@odata.context"].endswith("$metadata#accounts")
    values: list[dict[str, Any]] = answer["value"]
    return values


def test_everything_that_can_be_worked_out_over_all_rows(api: Api) -> None:
    asked = (
        "aggregate($count as rows,revenue with sum as total,revenue with min as least,revenue with max as most,"
        "numberofemployees with average as mean,createdon with max as last)"
    )
    (value,) = apply(api, asked)
    assert value.pop("last").endswith("Z")
    assert value == {"rows": 4, "total": 6.6, "least": 1.1, "most": 3.3, "mean": 20}


def test_rows_are_grouped_as_the_platform_compares_text(api: Api) -> None:
    groups = apply(api, "groupby((name),aggregate($count as n,revenue with sum as total))", "&$orderby=name desc")
    assert groups == [{"name": "b", "n": 2, "total": 3.3}, {"name": "a", "n": 2, "total": 3.3}]
    assert apply(api, "groupby((telephone1))", "&$orderby=telephone1") == [
        {},
        {"telephone1": "x"},
        {"telephone1": "y"},
    ]


def test_a_filter_comes_first_and_may_hold_parentheses_and_slashes(api: Api) -> None:
    (value,) = apply(api, "filter(contains(name,'b') and telephone1 ne 'a/(')/aggregate($count as n)")
    assert value == {"n": 2}
    assert apply(api, "filter(name eq 'nobody')/groupby((name))") == []
    (nothing,) = apply(api, "filter(name eq 'nobody')/aggregate(revenue with sum as s,$count as n)")
    assert nothing == {"s": None, "n": 0}


def test_groups_by_choice_and_lookup_are_shown_by_name(api: Api) -> None:
    (value,) = apply(api, "groupby((statuscode,_ownerid_value))", Prefer='odata.include-annotations="*"')
    assert value["statuscode@OData.Community.Display.V1.FormattedValue"] == "Active"
    assert value["_ownerid_value@OData.Community.Display.V1.FormattedValue"] == "PSA Connector"


def test_groups_by_what_lies_behind_rows_carry_the_name_of_its_table(api: Api) -> None:
    for last, amounts in (("Bock", (1, 2)), ("Cohn", (4,))):
        contact = api.create("contacts", {"lastname": last})
        for amount in amounts:
            bound = {"primarycontactid@odata.bind": f"/contacts({contact})"}
            api.create("accounts", {"name": "of a contact", "revenue": amount, **bound})
    text = "filter(name eq 'of a contact')/groupby((primarycontactid/lastname),aggregate(revenue with sum as total))"
    assert apply(api, text, "&$orderby=primarycontactid/lastname") == [
        {"contact_lastname": "Bock", "total": 3},
        {"contact_lastname": "Cohn", "total": 4},
    ]
    (nobody,) = apply(api, "filter(name eq 'a')/groupby((primarycontactid/createdby/fullname))")
    assert nobody == {}


def test_what_is_worked_out_is_shown_as_people_write_it(api: Api) -> None:
    text = "aggregate($count as n,revenue with sum as total)"
    (value,) = apply(api, text, Prefer='odata.include-annotations="*"')
    shown = {name.partition("@")[0]: told for name, told in value.items() if name.endswith("FormattedValue")}
    assert shown == {"n": "4", "total": "$6.60"}


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("groupby((createdon))", 400, "Grouping by a date"),
        ("groupby((name),aggregate($count as n))&$orderby=n", 400, "SingleValueOpenPropertyAccess"),
        ("aggregate(name with sum as n)", 400, "cannot be worked out"),
        ("aggregate(name with median as n)", 400, "median"),
        ("aggregate(telephone1 with countdistinct as n)", 400, "countdistinct"),
        ("aggregate(name with max as n)", 400, "cannot be worked out"),
        ("aggregate(nothing with sum as n)", 400, "named 'nothing'"),
        ("aggregate($count as n,revenue with sum as n)", 400, "Syntax error"),
        ("aggregate(", 400, "unbalanced"),
        ("groupby(name)", 400, "Syntax error"),
        ("groupby((year(createdon)))", 501, "part of a date"),
        ("aggregate(primarycontactid/numberofchildren with sum as n)", 501, "navigation property"),
        ("groupby((primarycontactid/nothing))", 400, "named 'nothing'"),
        ("groupby((primarycontactid/createdon))", 400, "Grouping by a date"),
        ("compute(1)", 501, "$apply"),
        ("aggregate($count as n)&$top=1", 400, "$top"),
    ],
)
def test_what_dataverse_does_not_work_out_is_refused(api: Api, text: str, status: int, words: str) -> None:
    refusal = api.refused("GET", f"accounts?$apply={text}")
    assert refusal[0] == status
    assert words in refusal[2]
