"""Price lists in the books of Fabrikam, and an approver who leaves prices to them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connector.dataverse.changes import Reference
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint, Outcome
from mappings.tables import Ref
from tests.handlers.world import CONTRACT, EUR, GO_LIVE, PROJECT, RESOURCE, ROLE, UNIT, USD, ZONE, World, new

YEAR = {"begindate": datetime(2026, 1, 1, 5, tzinfo=UTC), "enddate": datetime(2026, 12, 31, 5, tzinfo=UTC)}
COST, SALES = 192350000, 192350002
HOUR, EACH = new("uom", 801), new("uom", 802)
HOTEL, LODGING = new("msdyn_expensecategory", 803), new("msdyn_transactioncategory", 804)


class PricedWorld(World):
    """Fabrikam with a cost list on the parameters (110 an hour) and a sales list on the contract (210 an hour)."""

    def __init__(self) -> None:
        super().__init__()
        put = self.dataverse.put
        put(HOUR, name="Hour", quantity=Decimal(1), isschedulebaseuom=True)
        put(EACH, name="Each", quantity=Decimal(1), isschedulebaseuom=True)
        put(HOTEL, msdyn_expensecategoryuid=LODGING)
        put(LODGING, msdyn_billingtype=192350001)
        put(ROLE, msdyn_billingtype=192350001)
        self.costs = self.price_list("US costs 2026", COST)
        self.sells = self.price_list("Adatum 2026", SALES)
        put(self.fresh("msdyn_projectparameterpricelist"), msdyn_pricelist=self.costs)
        put(self.fresh("msdyn_orderpricelist"), msdyn_contract=CONTRACT, msdyn_pricelist=self.sells)
        self.cost_price = self.role_price(self.costs, "110")
        self.sales_price = self.role_price(self.sells, "210")

    def price_list(self, name: str, context: int, **changes: Any) -> Reference:
        """A dollar list for the year."""
        row = self.fresh("pricelevel")
        values = {"name": name, "msdyn_module": context, "transactioncurrencyid": USD, "msdyn_timeunit": HOUR, **YEAR}
        self.dataverse.put(row, **(values | changes))
        return row

    def role_price(self, price_list: Reference, price: str, role: Reference | None = ROLE, **changes: Any) -> Reference:
        """An hourly price on a list."""
        row = self.fresh("msdyn_resourcecategorypricelevel")
        values = {
            "msdyn_pricelist": price_list,
            "msdyn_resourcecategory": role,
            "msdyn_price": Decimal(price),
            "msdyn_unit": HOUR,
            "transactioncurrencyid": self.dataverse.get(price_list)["transactioncurrencyid"],
        }
        self.dataverse.put(row, **(values | changes))
        return row

    def unpriced(self, minutes: int = 480, **changes: Any) -> Ref:
        """Time that was approved without prices."""
        entry = self.submit(minutes, **changes)
        self.dataverse.put(self.approval_of(entry), msdyn_costprice=None, msdyn_salesprice=None)
        self.approve(entry)
        return entry

    def hotel(self, **approved: Any) -> Ref:
        """One night of 150 euros, approved with its cost and, unless told otherwise, without a sales price."""
        expense, approval = self.fresh("msdyn_expense"), self.fresh("msdyn_projectapproval")
        self.dataverse.put(
            expense,
            msdyn_expensestatus=192350002,
            msdyn_project=PROJECT,
            msdyn_bookableresource=RESOURCE,
            msdyn_resourceorganizationalunitid=UNIT,
            msdyn_expensecategory=HOTEL,
            msdyn_quantity=Decimal(1),
            msdyn_amount=Decimal(150),
            msdyn_unit=EACH,
            msdyn_transactiondate=datetime(2026, 2, 10, 5, tzinfo=UTC),
            transactioncurrencyid=EUR,
        )
        values = {
            "msdyn_recordstage": 2,
            "msdyn_approvedon": datetime(2026, 2, 12, 15, tzinfo=UTC),
            "msdyn_timeentry": None,
            "msdyn_expenseentry": expense,
            "msdyn_project": PROJECT,
            "msdyn_bookableresource": RESOURCE,
            "msdyn_costquantity": Decimal(1),
            "msdyn_salesquantity": Decimal(1),
            "msdyn_costprice": Decimal(150),
            "msdyn_billingtype": 192350001,
            "transactioncurrencyid": EUR,
        }
        self.dataverse.put(approval, **(values | approved))
        return Ref(expense.table, expense.id)

    def tables_asked(self) -> set[str]:
        """Every table anything was asked about."""
        return {query.table for request in self.dataverse.requests for query in request}


def settle(world: PricedWorld, *entries: Ref, **settings: Any) -> list[Outcome]:
    """One worker of a service with these settings handles the entries."""
    handler = ActualsHandler(GO_LIVE, ZONE, **settings)
    outcomes = FixedPoint(world.dataverse).settle(handler, list(entries))
    return [outcomes[entry] for entry in entries]


def figures(world: PricedWorld, entry: Ref) -> list[tuple[int, int, str, str]]:
    """Type, billing type, price and amount of everything live."""
    return sorted(
        (
            cells["msdyn_transactiontypecode"],
            cells["msdyn_billingtype"],
            str(cells["msdyn_price"]),
            str(cells["msdyn_amount"]),
        )
        for cells in world.actuals(entry).values()
        if cells.get("msdyn_adjustmentstatus") is None
    )
