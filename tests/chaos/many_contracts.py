"""Contracts by the hundred, each with a few rows that are ready, and what their invoices must come to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random
from uuid import UUID

from sandbox.company import Builder
from sandbox.dataverse.product.business_dates import midnight
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Cell, Link
from tests.flow.world import World

DAY = date(2026, 2, 11)
UNBILLED, TIME, READY, ACCOUNT = 192350005, 192350000, 192350004, 192350001
CHARGEABLE, NON_CHARGEABLE = 192350001, 192350000


def contracts(world: World, how_many: int, chance: Random) -> dict[UUID, Decimal]:
    """Add contracts, each with two or three chargeable rows and one that is not; what each comes to."""
    totals: dict[UUID, Decimal] = {}
    with world.sandbox.web.transaction("administrator") as work:
        builder = Builder(work, USERS["approver"])
        dollar = builder.currency("USD")
        for number in range(how_many):
            key = f"K{number:04d}"
            builder.project(key, f"Project {key}", dollar)
            contract = builder.contract(key, f"Contract {key}", "Adatum Corporation", dollar, "Adatum 2026")
            line = builder.project_line(key, key, dollar)
            account = work.get("salesorder", contract)
            assert account is not None
            amounts = [Decimal(chance.randrange(1, 999_999)) / 100 for _ in range(chance.randrange(2, 4))]
            for place, amount in enumerate((*amounts, Decimal("77.77"))):
                values: dict[str, Cell] = {
                    "msdyn_transactiontypecode": UNBILLED,
                    "msdyn_transactionclassification": TIME,
                    "msdyn_quantity": Decimal(1),
                    "msdyn_price": amount,
                    "msdyn_amount": amount,
                    "msdyn_documentdate": midnight(DAY),
                    "msdyn_startdatetime": midnight(DAY),
                    "msdyn_enddatetime": midnight(DAY),
                    "msdyn_billingtype": CHARGEABLE if place < len(amounts) else NON_CHARGEABLE,
                    "msdyn_billingstatus": READY,
                    "msdyn_customertype": ACCOUNT,
                    "msdyn_accountcustomer": account["customerid"],
                    "msdyn_salescontract": Link("salesorder", contract),
                    "msdyn_salescontractlineid": Link("salesorderdetail", line),
                    "transactioncurrencyid": Link("transactioncurrency", dollar),
                }
                builder.named("msdyn_actual", f"{key}/{place}", values)
            totals[contract] = sum(amounts, Decimal())
    return totals
