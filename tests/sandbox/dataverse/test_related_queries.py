"""Questions that reach over relationships: lambdas, expansions to many rows, and what lies behind a row."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.dataverse.seed import USERS

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api

CHILDREN = "account_parent_account"


@pytest.fixture
def family(api: Api) -> dict[str, UUID]:
    """Ada with children Bea (10) and Cid (20), Dan with child Eve (30); Fay has none."""
    ids: dict[str, UUID] = {}
    contact = api.create("contacts", {"lastname": "Bock"})
    for name, parent, number in (
        ("Ada", None, None),
        ("Bea", "Ada", 10),
        ("Cid", "Ada", 20),
        ("Dan", None, None),
        ("Eve", "Dan", 30),
        ("Fay", None, None),
    ):
        bound = {"parentaccountid@odata.bind": f"/accounts({ids[parent]})"} if parent else {}
        bound |= {"primarycontactid@odata.bind": f"/contacts({contact})"} if name == "Bea" else {}
        ids[name] = api.create("accounts", {"name": name, "numberofemployees": number, **bound})
    return ids


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"{CHILDREN}/any()", "Ada Dan"),
        (f"not {CHILDREN}/any()", "Bea Cid Eve Fay"),
        (f"{CHILDREN}/any(o:o/name eq 'Bea')", "Ada"),
        (f"{CHILDREN}/any(o:o/numberofemployees gt 15)", "Ada Dan"),
        (f"{CHILDREN}/all(o:o/numberofemployees gt 15)", "Bea Cid Dan Eve Fay"),
        (f"{CHILDREN}/any(o:o/primarycontactid/lastname eq 'bock')", "Ada"),
        (f"{CHILDREN}/any(o:o/name eq 'Eve') or name eq 'Fay'", "Dan Fay"),
        (f"{CHILDREN}/any(o:contains(o/name,'e') and not (o/numberofemployees eq 10))", "Dan"),
        ("parentaccountid/name eq 'Ada'", "Bea Cid"),
        ("parentaccountid/name ne 'Ada'", "Ada Dan Eve Fay"),
        ("parentaccountid/name eq null", "Ada Dan Fay"),
        ("parentaccountid/parentaccountid/name eq 'Ada'", ""),
        (f"parentaccountid/{CHILDREN}/any()", None),
        ("name eq address1_name", ""),
        ("createdon le modifiedon", "Ada Bea Cid Dan Eve Fay"),
        ("_createdby_value ne _modifiedby_value", ""),
        ("Microsoft.Dynamics.CRM.EqualUserId(PropertyName='ownerid')", "Ada Bea Cid Dan Eve Fay"),
        ("Microsoft.Dynamics.CRM.NotEqualUserId(PropertyName='ownerid')", ""),
        ("Microsoft.Dynamics.CRM.EqualBusinessId(PropertyName='owningbusinessunit')", "Ada Bea Cid Dan Eve Fay"),
        ("Microsoft.Dynamics.CRM.Between(PropertyName='numberofemployees',PropertyValues=['10','20'])", "Bea Cid"),
        ("Microsoft.Dynamics.CRM.NotBetween(PropertyName='numberofemployees',PropertyValues=['10','20'])", "Eve"),
        ("Microsoft.Dynamics.CRM.NotIn(PropertyName='numberofemployees',PropertyValues=['10','20'])", "Eve"),
        ("Microsoft.Dynamics.CRM.Today(PropertyName='createdon')", "Ada Bea Cid Dan Eve Fay"),
        ("Microsoft.Dynamics.CRM.Tomorrow(PropertyName='createdon')", ""),
        ("Microsoft.Dynamics.CRM.LastXHours(PropertyName='createdon',PropertyValue=1)", "Ada Bea Cid Dan Eve Fay"),
        (
            "Microsoft.Dynamics.CRM.OnOrAfter(PropertyName='createdon',PropertyValue='2020-01-01')",
            "Ada Bea Cid Dan Eve Fay",
        ),
        ("Microsoft.Dynamics.CRM.OnOrBefore(PropertyName='createdon',PropertyValue='2020-01-01')", ""),
        ("Microsoft.Dynamics.CRM.Under(PropertyName='parentaccountid',PropertyValue='x')", None),
    ],
)
def test_a_filter_over_a_relationship_finds_what_it_says(api: Api, condition: str, expected: str | None) -> None:
    query = f"accounts?$select=name&$orderby=name&$filter={condition}"
    if expected is None:
        assert api.refused("GET", query)[0] == 501
    else:
        assert " ".join(row["name"] for row in api.get(query)["value"]) == expected


def test_many_rows_are_expanded_with_their_own_options(api: Api, family: dict[str, UUID]) -> None:
    row = api.get(f"accounts({family['Ada']})?$select=name&$expand={CHILDREN}($select=name;$orderby=name desc)")
    assert [child["name"] for child in row[CHILDREN]] == ["Cid", "Bea"]
    inner = "$select=name;$expand=primarycontactid($select=lastname)"
    row = api.get(f"accounts({family['Ada']})?$select=name&$expand={CHILDREN}({inner})")
    assert [child["primarycontactid"]["lastname"] for child in row[CHILDREN] if child["name"] == "Bea"] == ["Bock"]
    filtered = f"{CHILDREN}($select=name;$filter=numberofemployees gt 10;$top=1)"
    first = api.get(f"accounts?$select=name&$filter=name eq 'Ada'&$expand={filtered}")["value"][0]
    assert [child["name"] for child in first[CHILDREN]] == ["Cid"]
    nested = f"$expand={CHILDREN}($select=name;$expand=parentaccountid($select=name;$expand={CHILDREN}($select=name)))"
    deep = api.get(f"accounts({family['Dan']})?$select=name&{nested}")[CHILDREN][0]
    assert deep["parentaccountid"][CHILDREN][0]["name"] == "Eve"
    assert api.get(f"accounts({family['Fay']})?$expand={CHILDREN}")[CHILDREN] == []
    too_many = ",".join([f"{CHILDREN}($select=name)"] * 16)
    assert "limit of 15" in api.refused("GET", f"accounts?$expand={too_many}")[2]


def test_expanded_rows_have_a_link_that_finds_them_again(api: Api, family: dict[str, UUID]) -> None:
    expand = f"{CHILDREN}($select=name;$filter=numberofemployees gt 10)"
    row = api.get(f"accounts({family['Ada']})?$select=name&$expand={expand}")
    link = row[f"{CHILDREN}@odata.nextLink"].removeprefix(f"{api.root}/")
    assert "$skiptoken" not in link
    assert [child["name"] for child in api.get(link)["value"]] == [child["name"] for child in row[CHILDREN]]


def test_rows_expanded_inside_an_expansion_come_in_pages(api: Api, family: dict[str, UUID]) -> None:
    expand = f"{CHILDREN}($select=name;$expand=primarycontactid($select=lastname))"
    query = f"accounts?$select=name&$filter=name eq 'Ada'&$expand={expand}"
    first = api.get(query, Prefer="odata.maxpagesize=1")["value"][0]
    link = first[f"{CHILDREN}@odata.nextLink"].removeprefix(f"{api.root}/")
    assert "$skiptoken" in link
    rest = api.get(link)["value"]
    assert [row["name"] for row in first[CHILDREN] + rest] == ["Bea", "Cid"]
    assert "primarycontactid" in rest[0]
    assert f"{CHILDREN}@odata.nextLink" not in api.get(query)["value"][0]


@pytest.mark.parametrize(
    ("expand", "words"),
    [
        (f"{CHILDREN}($count=true)", "cannot be used"),
        (f"{CHILDREN}($levels=2)", "cannot be used"),
        (f"{CHILDREN}($top=1;$expand=primarycontactid)", "Only $select and $filter clause"),
        (f"parentaccountid($expand={CHILDREN}($orderby=name))", "Only $select and $filter clause"),
        ("parentaccountid($orderby=name)", "Only $select and $filter clause"),
        (f"{CHILDREN}/$ref", "Expand with $ref is only supported on lookup type navigation property."),
        ("ownerid($select=fullname)", "'fullname' on type 'Microsoft.Dynamics.CRM.principal'"),
        ("parentaccountid/$ref($select=name)", "cannot be used"),
    ],
)
def test_what_cannot_be_expanded_is_refused_in_dataverses_words(api: Api, expand: str, words: str) -> None:
    status, code, message = api.refused("GET", f"accounts?$expand={expand}")
    assert (status, code) == (400, "0x80060888")
    assert words in message


def test_a_reference_alone_can_be_expanded(api: Api, family: dict[str, UUID]) -> None:
    row = api.get(f"accounts({family['Bea']})?$select=name&$expand=parentaccountid/$ref,ownerid/$ref")
    assert row["parentaccountid"] == {"@odata.id": f"{api.root}/accounts({family['Ada']})"}
    assert row["ownerid"] == {"@odata.id": f"{api.root}/systemusers({USERS['service']})"}
    assert api.get(f"accounts({family['Ada']})?$expand=parentaccountid/$ref")["parentaccountid"] is None


def test_an_owner_is_a_user_or_a_team_and_shows_only_its_id(api: Api, family: dict[str, UUID]) -> None:
    service = str(USERS["service"])
    row = api.get(f"accounts({family['Bea']})?$select=name&$expand=ownerid,owninguser($select=fullname)")
    assert row["ownerid"] == {"@odata.type": "#Microsoft.Dynamics.CRM.systemuser", "ownerid": service}
    assert row["owninguser"]["fullname"] == "PSA Connector"
    found = api.get(f"accounts?$filter=ownerid/ownerid eq {service} and name eq 'Bea'")["value"]
    assert [one["name"] for one in found] == ["Bea"]
    refusal = api.refused("GET", "accounts?$filter=ownerid/fullname eq 'PSA Connector'")
    assert refusal[:2] == (400, "0x80060888")


def test_rows_of_the_askers_teams_are_found(api: Api, family: dict[str, UUID]) -> None:
    admin, unit = USERS["administrator"], api.get("WhoAmI")["BusinessUnitId"]
    bound = {
        "administratorid@odata.bind": f"/systemusers({admin})",
        "businessunitid@odata.bind": f"/businessunits({unit})",
    }
    team = api.create("teams", {"name": "T", **bound})
    member = {"Members": [{"systemuserid": str(USERS["service"])}]}
    assert api("POST", f"teams({team})/Microsoft.Dynamics.CRM.AddMembersTeam", json=member).status_code == 204
    account = family["Bea"]
    given = api("PATCH", f"accounts({account})", json={"ownerid@odata.bind": f"/teams({team})"})
    assert given.status_code == 204, given.text
    function = "Microsoft.Dynamics.CRM.{}(PropertyName='ownerid')"
    for name, expected in (("EqualUserTeams", ["Bea"]), ("EqualUserId", ["Ada", "Cid", "Dan", "Eve", "Fay"])):
        rows = api.get(f"accounts?$select=name&$orderby=name&$filter={function.format(name)}")["value"]
        assert [row["name"] for row in rows] == expected
    both = api.get(f"accounts?$select=name&$filter={function.format('EqualUserOrUserTeams')}")["value"]
    assert len(both) == len(family)


def test_what_lies_behind_a_row_can_be_read_by_its_path(api: Api, family: dict[str, UUID]) -> None:
    found = api.get(f"accounts({family['Ada']})/{CHILDREN}?$select=name&$filter=numberofemployees gt 10")["value"]
    assert [row["name"] for row in found] == ["Cid"]
    parent = api.get(f"accounts({family['Bea']})/parentaccountid?$select=name")
    assert parent["name"] == "Ada"
    assert api("GET", f"accounts({family['Ada']})/parentaccountid").status_code == 204
    assert api.refused("GET", f"accounts({family['Ada']})/nothing")[0] == 404


def test_rows_are_ordered_by_what_lies_behind_them(api: Api, family: dict[str, UUID]) -> None:
    found = api.get("accounts?$select=name&$orderby=parentaccountid/name desc,name desc")["value"]
    assert [row["name"] for row in found] == ["Eve", "Cid", "Bea", "Fay", "Dan", "Ada"]


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize("order", ["numberofemployees", "numberofemployees desc", "parentaccountid/name,name desc"])
def test_pages_in_an_order_stay_whole_while_rows_come_and_go(api: Api, order: str) -> None:
    query = f"accounts?$select=name&$orderby={order}"
    expected = [row["name"] for row in api.get(query)["value"]]
    page = api.get(query, Prefer="odata.maxpagesize=2")
    seen = [row["name"] for row in page["value"]]
    for row in page["value"]:
        api("PATCH", f"accounts({row['accountid']})", json={"numberofemployees": 1000, "name": "Zoe"})
    while "@odata.nextLink" in page:
        page = api.get(page["@odata.nextLink"].removeprefix(f"{api.root}/"), Prefer="odata.maxpagesize=2")
        seen += [row["name"] for row in page["value"] if row["name"] != "Zoe"]
    assert seen == expected
    other = api.get("accounts?$select=name&$orderby=name", Prefer="odata.maxpagesize=2")["@odata.nextLink"]
    wrong = other.removeprefix(f"{api.root}/").replace("$orderby=name", "$orderby=")
    assert "another query" in api.refused("GET", wrong)[2]
