"""Reading collections: select, filter, order, top, count, pages and expansions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from sandbox.dataverse.odata.asked import Asked
from sandbox.dataverse.odata.parse import parse_filter
from sandbox.dataverse.odata.sql import Sql
from sandbox.dataverse.seed import USERS

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api

PEOPLE = ("Ada", "Bea", "Cid", "Dan", "Eve")


@pytest.fixture
def accounts(api: Api) -> dict[str, UUID]:
    ids = {}
    for number, name in enumerate(PEOPLE):
        values = {"name": name, "numberofemployees": number * 10, "revenue": number * 1.5}
        ids[name] = api.create("accounts", values | ({"telephone1": f"0{number}"} if number % 2 else {}))
    return ids


def names(api: Api, query: str, **headers: str) -> list[str]:
    return [row["name"] for row in api.get(f"accounts?$select=name&{query}", **headers)["value"]]


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("name eq 'Ada'", "Ada"),
        ("name eq 'ADA'", "Ada"),
        ("name ne 'Ada'", "Bea Cid Dan Eve"),
        ("numberofemployees gt 20", "Dan Eve"),
        ("numberofemployees ge 20 and numberofemployees lt 40", "Cid Dan"),
        ("numberofemployees le 0 or name eq 'Eve'", "Ada Eve"),
        ("not (numberofemployees gt 0)", "Ada"),
        ("not contains(name,'a')", "Cid Eve"),
        ("name eq 'Ada' or name eq 'Bea' and numberofemployees eq 99", "Ada"),
        ("(name eq 'Ada' or name eq 'Bea') and numberofemployees eq 10", "Bea"),
        ("telephone1 eq null", "Ada Cid Eve"),
        ("telephone1 ne null", "Bea Dan"),
        ("telephone1 ne '01'", "Ada Cid Dan Eve"),
        ("startswith(name,'b')", "Bea"),
        ("endswith(name,'e')", "Eve"),
        ("contains(telephone1,'[_]')", ""),
        ("revenue eq 1.5", "Bea"),
        ("revenue gt 4", "Dan Eve"),
        ("Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['Ada','Eve','Zoe'])", "Ada Eve"),
        ('Microsoft.Dynamics.CRM.In(PropertyName=\'name\',PropertyValues=["Ada","Eve"])', "Ada Eve"),
        ("Microsoft.Dynamics.CRM.In(PropertyName='numberofemployees',PropertyValues=['10'])", "Bea"),
        ("name in ('Ada','Bea')", "Ada Bea"),
        ("numberofemployees in (10,20)", "Bea Cid"),
        ("createdon gt 2020-01-01T00:00:00Z", "Ada Bea Cid Dan Eve"),
        ("createdon gt 2020-01-01", "Ada Bea Cid Dan Eve"),
        ("createdon lt 2020-01-01T00:00:00.5%2B02:00", ""),
        ("Microsoft.Dynamics.CRM.EqualUserTeams(PropertyName='ownerid')", ""),
        ("Microsoft.Dynamics.CRM.EqualUserOrUserTeams(PropertyName='ownerid')", "Ada Bea Cid Dan Eve"),
        ("Microsoft.Dynamics.CRM.EqualUserOrUserHierarchy(PropertyName='ownerid')", None),
        ("createdby/fullname eq 'psa connector'", "Ada Bea Cid Dan Eve"),
    ],
)
def test_a_filter_finds_what_it_says(api: Api, condition: str, expected: str | None) -> None:
    if expected is None:
        assert api.refused("GET", f"accounts?$filter={condition}")[0] == 501
    else:
        assert " ".join(names(api, f"$filter={condition}")) == expected


def test_parameter_aliases_stand_for_values(api: Api, accounts: dict[str, UUID]) -> None:
    query = "$filter=Microsoft.Dynamics.CRM.In(PropertyName=@p,PropertyValues=@v)&@p='name'&@v=['Ada']"
    assert names(api, query) == ["Ada"]
    assert names(api, "$filter=name eq @p&@p='Bea'") == ["Bea"]
    assert names(api, "$filter=@c ne @nothing and @c eq 'Ada'&@c=name") == ["Ada"]
    assert names(api, "$filter=@c in @v&@c=name&@v=('Ada','Bea')") == ["Ada", "Bea"]
    assert names(api, "$filter=@c eq 'PSA Connector' and name eq 'Ada'&@c=createdby/fullname") == ["Ada"]
    ordered = api.get("accounts?$select=name&$orderby=@p desc&@p=name")["value"]
    assert [row["name"] for row in ordered] == sorted(accounts, reverse=True)
    for smuggled in ("'x' or name ne 'x'", "not name", "@c", "(name)", ""):
        refusal = api.refused("GET", f"accounts?$filter=name eq @p&@p={smuggled}")
        assert refusal[:2] == (400, "0x80060888")


def test_a_text_may_hold_the_wildcards_of_transact_sql(api: Api) -> None:
    for name in ("50% off", "50 euro", "snake_case", "snakeXcase", "Ada", "Bda", "a*b?"):
        api.create("accounts", {"name": name})
    assert names(api, "$filter=contains(name,'50%25o')") == ["50% off", "50 euro"]
    assert names(api, "$filter=contains(name,'[%25]')") == ["50% off"]
    assert names(api, "$filter=startswith(name,'snake_c')") == ["snake_case", "snakeXcase"]
    assert names(api, "$filter=startswith(name,'snake[_]c')") == ["snake_case"]
    assert names(api, "$filter=endswith(name,'[AB]da')") == ["Ada", "Bda"]
    assert names(api, "$filter=startswith(name,'[^A-Z0-9]')") == []
    assert names(api, "$filter=contains(name,'*b?')") == ["a*b?"]
    assert names(api, "$filter=name eq '50%25'") == []


def test_a_quote_in_a_string_is_written_twice(api: Api) -> None:
    api.create("accounts", {"name": "O'Neil 100%"})
    assert names(api, "$filter=name eq 'O''Neil 100%25'") == ["O'Neil 100%"]
    assert names(api, "$filter=contains(name,'0%25')") == ["O'Neil 100%"]
    assert names(api, "$filter=contains(name,'0[%25][%25]')") == []


def test_lookups_are_filtered_by_their_value_property(api: Api, accounts: dict[str, UUID]) -> None:
    ada = accounts["Ada"]
    contract = api.create("salesorders", {"name": "C", "customerid_account@odata.bind": f"/accounts({ada})"})
    for condition in (
        f"_customerid_value eq {ada}",
        f"Microsoft.Dynamics.CRM.In(PropertyName='customerid',PropertyValues=['{ada}'])",
        f"Microsoft.Dynamics.CRM.In(PropertyName='_customerid_value',PropertyValues=['{ada}'])",
        f"_customerid_value in ({ada},{uuid4()})",
        f"salesorderid eq {contract}",
    ):
        found = api.get(f"salesorders?$select=name&$filter={condition}")["value"]
        assert [row["name"] for row in found] == ["C"], condition
    assert "named 'customerid'" in api.refused("GET", f"salesorders?$filter=customerid eq {ada}")[2]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("$filter=Name eq 'x'", "Could not find a property named 'Name' on type 'Microsoft.Dynamics.CRM.account'"),
        ("$select=Name", "Could not find a property named 'Name'"),
        ("$orderby=Name", "Could not find a property named 'Name'"),
        ("$expand=PrimaryContactId", "Could not find a property named 'PrimaryContactId'"),
        ("$filter=name eq 5", "Found operand types 'Edm.String' and 'Edm.Int32' for operator kind 'Equal'"),
        ("$filter=accountid eq 'x'", "Found operand types 'Edm.Guid' and 'Edm.String'"),
        ("$filter=statecode eq '0'", "Found operand types 'Edm.Int32' and 'Edm.String'"),
        ("$filter=createdon gt 5", "Edm.DateTimeOffset"),
        ("$filter=name gt null", "for operator kind 'GreaterThan'"),
        ("$filter=creditonhold gt true", "Edm.Boolean"),
        ("$filter=contains(statecode,'x')", "No function signature"),
        ("$filter=tolower(name) eq 'x'", "unknown function with name 'tolower'"),
        ("$filter=name eq 'x", "is not valid at position"),
        ("$filter=name eq", "a literal value was expected"),
        ("$filter=(name eq 'x'", "')' was expected"),
        ("$filter=name eq 'x') or name eq 'y'", "Syntax error at position"),
        ("$filter=name like 'x'", "'like' is no comparison"),
        ("$filter=1 eq 1", "a name was expected"),
        ("$filter=name eq revenue", "Found operand types 'Edm.String' and 'Edm.Decimal'"),
        ("$filter=name eq primarycontactid/fullname", "Only columns of the same row"),
        ("$filter=Microsoft.Dynamics.CRM.Today(PropertyName='name')", "takes a date column"),
        ("$filter=Microsoft.Dynamics.CRM.LastXDays(PropertyName='createdon',PropertyValue=0)", "positive whole number"),
        ("$filter=Microsoft.Dynamics.CRM.On(PropertyName='createdon',PropertyValue='x')", "is not a date"),
        ("$filter=Microsoft.Dynamics.CRM.Today(PropertyName='createdon',PropertyValue=1)", "takes PropertyName"),
        ("$filter=Microsoft.Dynamics.CRM.Nothing(PropertyName='createdon')", "unknown function"),
        ("$filter=nothing/any(o:o/name eq 'x')", "Could not find a property named 'nothing'"),
        ("$filter=account_parent_account/any(o:o/nothing eq 'x')", "Could not find a property named 'nothing'"),
        (
            "$filter=account_parent_account/any(o:o/account_parent_account/any(o:o/name eq 'x'))",
            "already",
        ),
        ('$filter=name eq "x"', "a literal value was expected"),
        ("$filter=createdon gt 2020-13-01", "Unrecognized"),
        ("$filter=", "Syntax error"),
        ("$orderby=name up", "Syntax error in $orderby"),
        ("$top=-1", "positive whole number"),
        ("$top=x", "positive whole number"),
        ("$skip=1", "The query parameter $skip is not supported."),
        ("$search=x", "The query parameter $search is not supported."),
        ("$count=maybe", "$count"),
        ("$skiptoken=2", "not one this service gave out"),
        ("$top=1&$top=2", "more than once"),
    ],
)
def test_a_query_that_is_not_understood_is_refused(api: Api, query: str, words: str) -> None:
    status, code, message = api.refused("GET", f"accounts?{query}")
    assert (status, code) == (400, "0x80060888")
    assert words in message


def test_order_top_and_count(api: Api, accounts: dict[str, UUID]) -> None:
    assert names(api, "$orderby=name desc") == sorted(PEOPLE, reverse=True)
    assert names(api, "$orderby=telephone1 asc,numberofemployees desc") == ["Eve", "Cid", "Ada", "Bea", "Dan"]
    answer = api.get("accounts?$select=name&$orderby=name desc&$top=2&$count=true&$filter=numberofemployees gt 0")
    assert [row["name"] for row in answer["value"]] == ["Eve", "Dan"]
    assert answer["@odata.count"] == 4
    assert "@odata.nextLink" not in answer
    assert api("GET", "accounts/$count?$filter=numberofemployees gt 0").text == "4"


def pages(api: Api, query: str, size: int) -> list[list[str]]:
    found: list[list[str]] = []
    prefer = f"odata.maxpagesize={size}"
    answer: dict[str, Any] = api.get(query, Prefer=prefer)
    while True:
        found.append([row["name"] for row in answer["value"]])
        following = answer.get("@odata.nextLink")
        if following is None:
            return found
        assert following.startswith(api.root)
        answer = api.get(following.removeprefix(f"{api.root}/"), Prefer=prefer)


def test_pages_follow_their_next_links(api: Api, accounts: dict[str, UUID]) -> None:
    assert pages(api, "accounts?$select=name", 2) == [["Ada", "Bea"], ["Cid", "Dan"], ["Eve"]]
    ordered = pages(api, "accounts?$select=name&$orderby=name desc&$filter=name ne 'Ada'", 3)
    assert ordered == [["Eve", "Dan", "Cid"], ["Bea"]]
    assert pages(api, "accounts?$select=name", 5) == [list(PEOPLE)]
    answer = api("GET", "accounts", Prefer="odata.maxpagesize=2")
    assert answer.headers["Preference-Applied"] == "odata.maxpagesize=2"


def test_rows_that_leave_the_query_between_pages_hide_none_of_the_rest(api: Api, accounts: dict[str, UUID]) -> None:
    query = "accounts?$select=name&$filter=telephone1 eq null or telephone1 ne 'done'"
    first = api.get(query, Prefer="odata.maxpagesize=2")
    for row in first["value"]:
        api("PATCH", f"accounts({row['accountid']})", json={"telephone1": "done"})
    rest = api.get(first["@odata.nextLink"].removeprefix(f"{api.root}/"))
    assert [row["name"] for row in rest["value"]] == ["Cid", "Dan", "Eve"]


def test_a_selection_shows_the_chosen_columns_the_key_and_the_etag(api: Api, accounts: dict[str, UUID]) -> None:
    row = api.get("accounts?$select=name,_ownerid_value&$top=1")["value"][0]
    assert list(row) == ["@odata.etag", "name", "_ownerid_value", "accountid"]
    whole = api.get("accounts?$top=1")["value"][0]
    assert {"name", "telephone1", "_primarycontactid_value", "versionnumber"} <= set(whole)
    assert "primarycontactid" not in whole


def test_annotations_come_only_when_asked_for(api: Api, accounts: dict[str, UUID]) -> None:
    path = "accounts?$select=statecode,_ownerid_value,creditonhold&$top=1"
    assert not [name for name in api.get(path)["value"][0] if "@Micr" in name or "@OData" in name]
    lookups = 'odata.include-annotations="Microsoft.Dynamics.CRM.*"'
    row = api.get(path, Prefer=lookups)["value"][0]
    assert row["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "systemuser"
    assert "statecode@OData.Community.Display.V1.FormattedValue" not in row
    formatted = 'odata.include-annotations="OData.Community.Display.V1.FormattedValue"'
    row = api.get(path, Prefer=formatted)["value"][0]
    assert row["statecode@OData.Community.Display.V1.FormattedValue"] == "Active"
    assert row["_ownerid_value@OData.Community.Display.V1.FormattedValue"] == "PSA Connector"


def test_single_valued_lookups_can_be_expanded(api: Api) -> None:
    contact = api.create("contacts", {"lastname": "Bock"})
    bound = {"primarycontactid@odata.bind": f"/contacts({contact})"}
    account = api.create("accounts", {"name": "A"} | bound)
    api.create("accounts", {"name": "B"})
    query = "$select=name&$expand=primarycontactid($select=lastname;$expand=createdby($select=fullname))"
    first, second = api.get(f"accounts?{query}&$orderby=name")["value"]
    assert first["primarycontactid"]["lastname"] == "Bock"
    assert first["primarycontactid"]["createdby"]["fullname"] == "PSA Connector"
    assert second["primarycontactid"] is None
    one = api.get(f"accounts({account})?{query}")
    assert one["primarycontactid"]["contactid"] == str(contact)
    assert api.refused("GET", "accounts?$expand=primarycontactid($filter=x eq 1)")[0] == 400
    assert api.refused("GET", "accounts?$expand=primarycontactid($select=lastname")[0] == 400


def test_messages_of_every_table_can_be_looked_up_for_registration(api: Api) -> None:
    update = api.get("sdkmessages?$select=sdkmessageid&$filter=name eq 'Update'")["value"][0]["sdkmessageid"]
    condition = f"primaryobjecttypecode eq 'msdyn_timeentry' and _sdkmessageid_value eq {update}"
    found = api.get(f"sdkmessagefilters?$select=sdkmessagefilterid&$filter={condition}")["value"]
    assert len(found) == 1
    behind = "sdkmessageid/name eq 'Update' and primaryobjecttypecode eq 'msdyn_timeentry'"
    assert (
        api.get(f"sdkmessagefilters?$select=sdkmessagefilterid&$filter={behind}")["value"][0]["sdkmessagefilterid"]
        == (found[0]["sdkmessagefilterid"])
    )


def test_the_service_document_lists_the_entity_sets(api: Api) -> None:
    sets = {entry["name"] for entry in api.get("")["value"]}
    assert {"accounts", "msdyn_actuals", "sdkmessageprocessingsteps"} <= sets
    assert len(sets) >= 70


def test_a_filter_of_endless_conditions_is_refused(api: Api) -> None:
    for condition in (" or ".join(["statecode eq 0"] * 901), "(" * 101 + "statecode eq 0" + ")" * 101):
        assert "node count limit" in api.refused("GET", f"accounts?$filter={condition}")[2]
    assert api.get(f"accounts?$filter={' or '.join(['statecode eq 0'] * 400)}")["value"] == []


def test_looking_up_the_origins_of_many_rows_uses_an_index(server: DataverseServer) -> None:
    table = server.organisation.catalog.table("msdyn_transactionorigin")
    asked = Asked(USERS["service"], None, datetime(2026, 3, 4, tzinfo=UTC))
    sql = Sql(server.organisation.catalog, table, asked)
    text = "Microsoft.Dynamics.CRM.In(PropertyName='msdyn_origin',PropertyValues=['a','b']) and statecode eq 0"
    condition = sql.condition(parse_filter(text))
    with server.transaction() as uow:
        statement = f'EXPLAIN QUERY PLAN SELECT * FROM "{table.name}" WHERE {condition}'  # noqa: S608
        assert "USING INDEX" in uow.store.execute(statement, sql.parameters).fetchone()[3]
