"""What a body may hold, and how each mistake is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api


@pytest.fixture
def account(api: Api) -> str:
    return f"/accounts({api.create('accounts', {'name': 'Adatum'})})"


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"Name": "A"}, "0x80048d19", "Invalid property 'Name' was found in entity 'Microsoft.Dynamics.CRM.account'"),
        ({"unknown": 1}, "0x80048d19", "Invalid property 'unknown'"),
        ({"name": 5}, "0x80048d19", "Cannot convert the literal '5' to the expected type 'Edm.String'"),
        ({"numberofemployees": "x"}, "0x80048d19", "Cannot convert the literal 'x' to the expected type 'Edm.Int32'"),
        ({"numberofemployees": 1.5}, "0x80048d19", "Edm.Int32"),
        ({"numberofemployees": True}, "0x80048d19", "Edm.Int32"),
        ({"revenue": "12.50"}, "0x80048d19", "Edm.Decimal"),
        ({"creditonhold": "yes"}, "0x80048d19", "Edm.Boolean"),
        ({"lastusedincampaign": "yesterday"}, "0x80048d19", "Edm.DateTimeOffset"),
        ({"accountid": "12"}, "0x80048d19", "Edm.Guid"),
        ({"name": "x" * 161}, "0x80044331", "exceeded the maximum allowed length of '160'"),
        ({"industrycode": 999}, "0x8004431a", "is outside the valid range. Accepted Values: 1,2,"),
        ({"numberofemployees": -1}, "0x80044330", "is outside the valid range"),
        ({"revenue": 10**15}, "0x80044330", "is outside the valid range"),
        ({"primarycontactid": str(uuid4())}, "0x80048d19", "'PrimitiveValue' node with non-null value"),
        ({"_primarycontactid_value": str(uuid4())}, "0x80060888", "CRM do not support direct update of Entity"),
        ({"PrimaryContactId@odata.bind": f"/contacts({uuid4()})"}, "0x80048d19", "undeclared property 'PrimaryCont"),
        ({"primarycontactid@odata.bind": "contacts"}, "0x80048d19", "does not name a row"),
        ({"primarycontactid@odata.bind": f"/nothings({uuid4()})"}, "0x80048d19", "does not name a row"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_in_dataverses_words(
    api: Api, body: dict[str, Any], code: str, words: str
) -> None:
    status, found, message = api.refused("POST", "accounts", body)
    assert (status, found) == (400, code)
    assert words in message


def test_a_body_that_is_no_json_object_is_refused(api: Api) -> None:
    for data in (b"{", b"[]", b'"x"', b'{"name": NaN}'):
        answer = api("POST", "accounts", data=data, Content_Type="application/json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "0x80048d19")


def test_a_lookup_to_a_row_that_is_not_there_is_refused(api: Api) -> None:
    nobody = uuid4()
    refusal = api.refused("POST", "accounts", {"primarycontactid@odata.bind": f"/contacts({nobody})"})
    assert refusal == (404, "0x80040217", f"Entity 'contact' With Id = {nobody} Does Not Exist")


def test_a_lookup_to_a_table_that_is_not_there_is_refused(api: Api) -> None:
    refusal = api.refused("POST", "invoices", {"slaid@odata.bind": f"/slas({uuid4()})"})
    assert refusal[0] == 400
    assert "does not name a row" in refusal[2]


def test_a_lookup_with_two_targets_is_bound_by_the_name_of_the_target(api: Api, account: str) -> None:
    id = api.create("salesorders", {"name": "C", "customerid_account@odata.bind": account})
    row = api.get(f"salesorders({id})", Prefer='odata.include-annotations="*"')
    assert row["_customerid_value"] == account[-37:-1]
    assert row["_customerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    assert row["_customerid_value@OData.Community.Display.V1.FormattedValue"] == "Adatum"
    assert api.refused("POST", "salesorders", {"customerid@odata.bind": account})[1] == "0x80048d19"
    wrong = {"customerid_contact@odata.bind": account}
    assert "cannot be bound to" in api.refused("POST", "salesorders", wrong)[2]


def test_navigation_properties_are_case_sensitive(api: Api) -> None:
    project = f"/msdyn_projects({api.create('msdyn_projects', {'msdyn_subject': 'P'})})"
    id = api.create("msdyn_actuals", {"msdyn_Project@odata.bind": project})
    assert api.get(f"msdyn_actuals({id})")["_msdyn_project_value"] == project[-37:-1]
    assert api.refused("POST", "msdyn_actuals", {"msdyn_project@odata.bind": project})[1] == "0x80048d19"


def test_a_lookup_is_cleared_by_null(api: Api) -> None:
    contact = f"/contacts({api.create('contacts', {'lastname': 'B'})})"
    for clearing in ({"primarycontactid@odata.bind": None}, {"primarycontactid": None}):
        id = api.create("accounts", {"name": "A", "primarycontactid@odata.bind": contact})
        assert api("PATCH", f"accounts({id})", json=clearing).status_code == 204
        assert api.get(f"accounts({id})")["_primarycontactid_value"] is None


def test_read_only_columns_are_left_aside_without_an_error(api: Api) -> None:
    body = {"name": "A", "createdon": "2001-01-01T00:00:00Z", "versionnumber": 1, "revenue_base": 7}
    row = api.get(f"accounts({api.create('accounts', body)})")
    assert row["createdon"] > "2020"
    assert row["versionnumber"] != 1
    assert row["revenue_base"] is None


def test_annotations_in_a_body_are_ignored(api: Api) -> None:
    api.create("accounts", {"@odata.type": "Microsoft.Dynamics.CRM.account", "name": "A", "name@x.y": "z"})


def test_the_primary_key_in_body_and_url_must_agree(api: Api) -> None:
    refusal = api.refused("PATCH", f"accounts({uuid4()})", {"accountid": str(uuid4()), "name": "A"})
    assert refusal[:2] == (400, "0x80040203")


def test_a_row_without_its_required_parent_is_refused(api: Api) -> None:
    refusal = api.refused("POST", "invoicedetails", {"invoicedetailname": "x"})
    assert refusal == (400, "0x80040203", "Required field 'invoiceid' is missing")


def test_dates_and_instants_keep_their_kind(api: Api) -> None:
    id = api.create("invoices", {"name": "I", "duedate": "2026-03-31", "datedelivered": "2026-03-30T22:30:00+02:00"})
    row = api.get(f"invoices({id})?$select=duedate,datedelivered")
    assert (row["duedate"], row["datedelivered"]) == ("2026-03-31", "2026-03-30T20:30:00Z")
    assert api.refused("PATCH", f"invoices({id})", {"duedate": "2026-03-31T00:00:00Z"})[1] == "0x80048d19"
    assert api.refused("PATCH", f"invoices({id})", {"datedelivered": "2026-02-30T00:00:00Z"})[1] == "0x80048d19"
    assert api.refused("PATCH", f"invoices({id})", {"datedelivered": "1492-01-01T00:00:00Z"})[1] == "0x80040239"


def test_strings_come_back_as_they_were_sent(api: Api) -> None:
    text = 'Zoë "Ω" \\ </td> \u2028 🚀\n'
    id = api.create("accounts", {"name": "A", "description": text})
    assert api.get(f"accounts({id})?$select=description")["description"] == text


def test_an_empty_string_is_no_value(api: Api) -> None:
    id = api.create("accounts", {"name": "A", "telephone1": ""})
    assert api.get(f"accounts({id})?$select=telephone1")["telephone1"] is None
