"""Contracts in numbers, each with one product line that is ready to invoice; and the invoices that came of them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import requests

from sandbox.company import company
from sandbox.world import Sandbox

READY = 192350004
PRODUCT = 1
PRICE = Decimal("250.00")


def http(world: Sandbox, method: str, path: str, body: object = None) -> Any:
    answer = requests.request(
        method,
        f"{world.dataverse}/api/data/v9.2/{path}",
        json=body,
        headers={"Authorization": f"Bearer {world.tokens['administrator']}"},
        timeout=30,
    )
    assert answer.status_code < 400, answer.text
    return answer.json() if answer.content else None


def ready_contracts(world: Sandbox, count: int) -> list[UUID]:
    """So many contracts like C3, of 250.00 each."""
    like = http(world, "GET", f"salesorders({company().contracts['C3']})")
    made = []
    for number in range(count):
        id, line = uuid4(), uuid4()
        body = {
            "salesorderid": str(id),
            "name": f"Contract {number}",
            "ordernumber": f"ORD-N{number:03}",
            "customerid_account@odata.bind": f"/accounts({like['_customerid_value']})",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({like['_transactioncurrencyid_value']})",
            "pricelevelid@odata.bind": f"/pricelevels({like['_pricelevelid_value']})",
            **{name: like[name] for name in ("msdyn_ordertype", "msdyn_psastate", "msdyn_psastatusreason")},
        }
        http(world, "POST", "salesorders", body)
        http(
            world,
            "POST",
            "salesorderdetails",
            {
                "salesorderdetailid": str(line),
                "salesorderid@odata.bind": f"/salesorders({id})",
                "salesorderdetailname": f"Licence {number}",
                "productdescription": f"Licence {number}",
                "isproductoverridden": True,
                "producttypecode": PRODUCT,
                "quantity": 1,
                "priceperunit": float(PRICE),
                "baseamount": float(PRICE),
                "extendedamount": float(PRICE),
                "msdyn_billingstatus": READY,
                "transactioncurrencyid@odata.bind": f"/transactioncurrencies({like['_transactioncurrencyid_value']})",
            },
        )
        made.append(id)
    return made


def invoices(world: Sandbox) -> Counter[UUID]:
    """How many invoices each contract has."""
    found = http(world, "GET", "invoices?$select=_salesorderid_value")["value"]
    return Counter(UUID(one["_salesorderid_value"]) for one in found)
