"""What a review of each backlog sends, to the letter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse.client import DataverseClient
from handlers.fixed_price_lines import mismatches
from mappings.backlog import Backlog
from mappings.selection import Class, Filter, Selection, Status
from service.backlog_view import Review

API = "https://org.example.com/api/data/v9.2/"
ONE, TWO = UUID(int=1), UUID(int=2)
SETS = {
    "msdyn_actual": "msdyn_actuals",
    "salesorderdetail": "salesorderdetails",
    "msdyn_contractlinescheduleofvalue": "msdyn_contractlinescheduleofvalues",
}
LOOKUPS = {
    "salesorderid": ("salesorder", "salesorderid"),
    "msdyn_salescontract": ("salesorder", "msdyn_SalesContract"),
    "msdyn_contract": ("salesorder", "msdyn_contract"),
    "msdyn_contractlineid": ("salesorderdetail", "msdyn_ContractLineId"),
    "msdyn_salescontractlineid": ("salesorderdetail", "msdyn_SalesContractLineId"),
    "msdyn_accountcustomer": ("account", "msdyn_AccountCustomer"),
    "msdyn_contactcustomer": ("contact", "msdyn_ContactCustomer"),
    "msdyn_project": ("msdyn_project", "msdyn_Project"),
    "msdyn_bookableresource": ("bookableresource", "msdyn_bookableresource"),
    "msdyn_resourcecategory": ("bookableresourcecategory", "msdyn_ResourceCategory"),
    "msdyn_transactioncategory": ("msdyn_transactioncategory", "msdyn_TransactionCategory"),
    "transactioncurrencyid": ("transactioncurrency", "transactioncurrencyid"),
}


def definition(table: str) -> dict[str, Any]:
    """A table as the environment describes it: every column that is read, and its lookups."""
    columns = {column for backlog in Backlog if backlog.table == table for column in backlog.columns}
    columns |= {"msdyn_billingmethod", "msdyn_project"}
    kinds = {column: "Lookup" if column in LOOKUPS else "String" for column in sorted(columns)}
    return {
        "LogicalName": table,
        "EntitySetName": SETS[table],
        "PrimaryIdAttribute": f"{table}id",
        "Attributes": [
            {"LogicalName": column, "AttributeType": kind}
            for column, kind in {f"{table}id": "Uniqueidentifier", **kinds}.items()
        ],
        "ManyToOneRelationships": [
            {
                "ReferencingAttribute": column,
                "ReferencedEntity": LOOKUPS[column][0],
                "ReferencingEntityNavigationPropertyName": LOOKUPS[column][1],
            }
            for column in sorted(columns & LOOKUPS.keys())
        ],
    }


def described(request: Any) -> tuple[int, dict[str, str], str]:
    """The answer of EntityDefinitions to whichever tables are asked about."""
    return 200, {}, json.dumps({"value": [definition(name) for name in SETS if f"'{name}'" in unquote(request.url)]})


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_callback(responses.GET, re.compile(re.escape(API) + "EntityDefinitions"), described)
        mock.get(re.compile(re.escape(API) + "(msdyn|sales)"), json={"value": []})
        yield mock


@pytest.fixture
def client(http: responses.RequestsMock) -> Iterator[DataverseClient]:
    client = DataverseClient("https://org.example.com", StaticToken("t0"))
    yield client
    client.close()


def asked(http: responses.RequestsMock) -> list[tuple[str, dict[str, str]]]:
    """Set and options of each question, in order."""
    urls = [urlsplit(str(call.request.url)) for call in http.calls]
    return [
        (one.path.rpartition("/")[2], dict(parse_qsl(one.query))) for one in urls if "EntityDefinitions" not in one.path
    ]


def review(client: DataverseClient, backlog: Backlog, where: Filter, *sort: str) -> None:
    """Read all pages; there are none."""
    read = Review(client, ZoneInfo("Europe/Berlin"), date(2026, 2, 16))
    assert [len(page) for page in read.pages(backlog, Selection(where=where), sort)] == [0]


def test_actuals_are_asked_for_with_every_filter_in_one_request(
    client: DataverseClient, http: responses.RequestsMock
) -> None:
    where = Filter(
        contracts=(ONE, TWO),
        customers=(ONE,),
        projects=(ONE,),
        resources=(ONE,),
        roles=(ONE,),
        classes=(Class.TIME,),
        dated_from=date(2026, 2, 1),
        dated_to=date(2026, 2, 28),
        amount_from=Decimal("0.10"),
        amount_to=Decimal("99.90"),
        statuses=(Status.READY,),
    )
    review(client, Backlog.TIME_AND_MATERIAL, where, "amount:desc", "contract")
    ((name, options),) = asked(http)
    assert name == "msdyn_actuals"
    assert options["$filter"] == (
        "msdyn_transactiontypecode eq 192350005 and msdyn_billingstatus eq 192350004 and "
        f"Microsoft.Dynamics.CRM.In(PropertyName='msdyn_salescontract',PropertyValues=['{ONE}','{TWO}']) and "
        f"(_msdyn_accountcustomer_value eq {ONE} or _msdyn_contactcustomer_value eq {ONE}) and "
        f"_msdyn_project_value eq {ONE} and _msdyn_bookableresource_value eq {ONE} and "
        f"_msdyn_resourcecategory_value eq {ONE} and msdyn_transactionclassification eq 192350000 and "
        "msdyn_startdatetime ge 2026-01-31T23:00:00Z and msdyn_startdatetime lt 2026-02-28T23:00:00Z and "
        "msdyn_amount ge 0.10 and msdyn_amount le 99.90"
    )
    assert options["$orderby"] == "msdyn_amount desc,_msdyn_salescontract_value,msdyn_actualid"
    prefer = http.calls[-1].request.headers["Prefer"]
    assert "odata.maxpagesize=5000" in prefer


def test_open_and_ready_actuals_are_asked_for_where_nothing_else_is_said(
    client: DataverseClient, http: responses.RequestsMock
) -> None:
    review(client, Backlog.TIME_AND_MATERIAL, Filter())
    ((_, options),) = asked(http)
    assert "192350005 and (" in options["$filter"]
    assert "msdyn_billingstatus eq 192350004" in options["$filter"]
    assert "msdyn_adjustmentstatus eq null" in options["$filter"]
    assert options["$orderby"] == "_msdyn_salescontract_value,msdyn_startdatetime,msdyn_actualid"


def test_product_lines_are_asked_for_through_their_order(client: DataverseClient, http: responses.RequestsMock) -> None:
    review(client, Backlog.PRODUCTS, Filter(contracts=(ONE,), statuses=(Status.ON_DRAFT,)))
    ((name, options),) = asked(http)
    assert name == "salesorderdetails"
    assert options["$filter"] == (
        "(producttypecode ne 5 and salesorderid/msdyn_ordertype eq 192350001) and "
        f"msdyn_billingstatus eq 192350001 and _salesorderid_value eq {ONE}"
    )
    assert options["$orderby"] == "_salesorderid_value,salesorderdetailid"


def test_milestones_are_asked_for_by_contract_after_the_lines_of_it(
    client: DataverseClient, http: responses.RequestsMock
) -> None:
    review(client, Backlog.MILESTONES, Filter(contracts=(ONE,), dated_to=date(2026, 2, 28)), "status")
    (first, _), (second, options) = asked(http)
    assert (first, second) == ("salesorderdetails", "msdyn_contractlinescheduleofvalues")
    assert f"_msdyn_contract_value eq {ONE}" in options["$filter"]
    assert "msdyn_invoicedate lt 2026-02-28T23:00:00Z" in options["$filter"]
    assert "(msdyn_invoicestatus eq 192350000 or msdyn_invoicestatus eq 192350001)" in options["$filter"]
    assert options["$orderby"] == "msdyn_invoicestatus,msdyn_contractlinescheduleofvalueid"


def test_fixed_price_lines_are_asked_for_through_their_order(
    client: DataverseClient, http: responses.RequestsMock
) -> None:
    assert list(mismatches((ONE,), (TWO,), client)) == []
    ((name, options),) = asked(http)
    assert name == "salesorderdetails"
    assert options["$filter"] == (
        "msdyn_billingmethod eq 192350001 and producttypecode eq 5 and salesorderid/msdyn_ordertype eq 192350001 and "
        f"salesorderid/statecode ne 2 and _salesorderid_value eq {ONE} and _msdyn_project_value eq {TWO}"
    )
