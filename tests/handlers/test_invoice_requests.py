"""What reading an invoice sends, to the letter: two batches, however many invoices; and what gives it to its owner."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
import responses

from connector.auth import StaticToken
from connector.dataverse.changes import Committed
from connector.dataverse.client import DataverseClient
from handlers.invoice_contents import read
from handlers.invoice_facts import InvoiceFacts
from handlers.invoice_owner import Owner, given
from mappings.invoice import DETAIL_COLUMNS, INVOICE_COLUMNS, LINE_COLUMNS, Invoice
from mappings.invoice_verification import Contents
from mappings.row import Row
from mappings.tables import Ref
from tests.connector.dataverse.environment import API, batch_answer, change_set, last_body, part

INVOICE, OTHER, DETAIL, ACTUAL, LINE = (UUID(int=number) for number in range(1, 6))
LINKS = {
    "salesorderid": "salesorder",
    "customerid": "account",
    "transactioncurrencyid": "transactioncurrency",
    "ownerid": "owner",
    "createdby": "systemuser",
    "invoiceid": "invoice",
    "salesorderdetailid": "salesorderdetail",
    "msdyn_invoice": "invoice",
    "msdyn_invoicelineid": "invoicedetail",
    "msdyn_salescontractlineid": "salesorderdetail",
    "msdyn_project": "msdyn_project",
    "msdyn_bookableresource": "bookableresource",
    "msdyn_resourcecategory": "bookableresourcecategory",
    "msdyn_transactioncategory": "msdyn_transactioncategory",
}
TYPED = {"msdyn_amount": "Money", "totalamount": "Money", "extendedamount": "Money", "lineitemnumber": "Integer"}
TABLES: dict[str, tuple[str, ...]] = {
    "invoice": INVOICE_COLUMNS,
    "invoicedetail": LINE_COLUMNS,
    "msdyn_invoicelinetransaction": DETAIL_COLUMNS,
    "msdyn_transactionconnection": (
        *("msdyn_transaction1", "msdyn_transaction1type", "msdyn_transaction2", "msdyn_transaction2type"),
    ),
    "msdyn_transactionorigin": (*("msdyn_origin", "msdyn_origintype", "msdyn_transaction", "msdyn_transactiontype"),),
    "systemuser": (),
    "team": (),
}


def definition(table: str) -> dict[str, Any]:
    """A table as the environment describes it."""
    kinds = {f"{table}id": "Uniqueidentifier"}
    kinds |= {name: "Lookup" if name in LINKS else TYPED.get(name, "String") for name in TABLES[table]}
    kinds |= {name: "Owner" for name in TABLES[table] if name == "ownerid"}
    return {
        "LogicalName": table,
        "EntitySetName": f"{table}s",
        "PrimaryIdAttribute": f"{table}id",
        "Attributes": [{"LogicalName": name, "AttributeType": kind} for name, kind in kinds.items()],
        "ManyToOneRelationships": [
            {
                "ReferencingAttribute": name,
                "ReferencedEntity": LINKS[name],
                "ReferencingEntityNavigationPropertyName": name,
            }
            for name in TABLES[table]
            if name in LINKS
        ],
    }


def described(request: Any) -> tuple[int, dict[str, str], str]:
    """The answer of EntityDefinitions to whichever tables are asked about."""
    return 200, {}, json.dumps({"value": [definition(name) for name in TABLES if f"'{name}'" in unquote(request.url)]})


def row(**cells: object) -> dict[str, object]:
    return {"@odata.etag": 'W/"1"', **cells}


def asked(http: responses.RequestsMock) -> list[str]:
    """The questions of the last batch."""
    return [unquote(one) for one in re.findall(r"GET /api/data/v9\.2/(\S+) HTTP", last_body(http).decode())]


def test_two_invoices_are_read_in_two_batches_of_these_questions() -> None:
    with responses.RequestsMock() as http:
        http.add_callback(responses.GET, re.compile(re.escape(API) + "EntityDefinitions"), described)
        header = row(invoiceid=str(INVOICE), totalamount=1600)
        line = row(invoicedetailid=str(LINE), _invoiceid_value=str(INVOICE), extendedamount=1600, producttypecode=None)
        detail = row(
            msdyn_invoicelinetransactionid=str(DETAIL),
            _msdyn_invoice_value=str(INVOICE),
            _msdyn_invoicelineid_value=str(LINE),
            msdyn_amount=1600,
        )
        tie = row(
            msdyn_transactionconnectionid=str(UUID(int=9)),
            msdyn_transaction1=str(DETAIL).upper(),
            msdyn_transaction2=str(ACTUAL),
        )
        http.post(f"{API}$batch", **batch_answer(*(part(200, {"value": [one]}) for one in (header, line, detail))))
        client = DataverseClient("https://org.example.com", StaticToken("t0"))
        http.post(f"{API}$batch", **batch_answer(part(200, {"value": [tie]}), part(200, {"value": []})))
        found = read([INVOICE, OTHER], client)
        client.close()

        assert [call.request.method for call in http.calls].count("POST") == 2
        (of_ties, of_origins) = asked(http)
        assert of_ties == (
            "msdyn_transactionconnections?$select=msdyn_transaction1,msdyn_transaction2"
            f"&$filter=msdyn_transaction1 eq '{DETAIL}' and msdyn_transaction1type eq 'msdyn_invoicelinetransaction' "
            "and msdyn_transaction2type eq 'msdyn_actual'"
        )
        assert of_origins.startswith("msdyn_transactionorigins?$select=msdyn_origin,msdyn_transaction&")
        assert "msdyn_origintype eq 'msdyn_contractlinescheduleofvalue'" in of_origins
    (invoice,) = found.values()
    ((only,),) = [one.details for one in invoice.lines]
    assert (invoice.amount, only.amount) == (Decimal(1600), Decimal(1600))
    assert only.source is not None
    assert (only.source.table, only.source.id) == ("msdyn_actual", ACTUAL)


@pytest.mark.parametrize(("table", "bound"), [("systemuser", "systemusers"), ("team", "teams")])
def test_an_invoice_is_given_to_its_owner_by_a_conditional_patch_that_binds_a_user_or_a_team(
    table: str, bound: str
) -> None:
    """The column takes either (systemuser and team are what ``owner`` stands for), and names the set it is bound to."""
    owner = Ref(table, UUID(int=77))
    header = Row(Ref("invoice", INVOICE), 'W/"42"', {"ownerid": Ref("systemuser", OTHER)})
    contract = Row(Ref("salesorder", UUID(int=78)), "", {"ownerid": owner})
    facts = InvoiceFacts(contract, None, None, (), Contents((Invoice(header),)), datetime(2026, 2, 16, tzinfo=UTC))
    plan = given(Owner.CONTRACT, facts, {})
    assert plan is not None
    with responses.RequestsMock() as http:
        http.add_callback(responses.GET, re.compile(re.escape(API) + "EntityDefinitions"), described)
        http.post(f"{API}$batch", **batch_answer(change_set(part(204))))
        client = DataverseClient("https://org.example.com", StaticToken("t0"), tag="psa-connector")
        assert client.commit(plan.change_sets) == [Committed((None,))]
        client.close()
        sent = last_body(http).decode()
    assert f"PATCH /api/data/v9.2/invoices({INVOICE})?tag=psa-connector HTTP/1.1" in sent
    assert 'If-Match: W/"42"' in sent
    assert json.loads(sent[sent.index("{") : sent.rindex("}") + 1]) == {"ownerid@odata.bind": f"/{bound}({owner.id})"}
