"""People, units, roles, categories and prices: what a company has before it has work."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from sandbox.company.rows import ORGANIZATIONAL_UNIT, Rows, ref
from sandbox.dataverse.many_to_many import UNIT_PRICE_LISTS
from sandbox.dataverse.product.business_dates import midnight
from sandbox.dataverse.product.choices import BillingType, PriceCalculation, PriceContext, PriceEntity
from sandbox.dataverse.unit_of_work import Cell, Link

PARAMETERS: Final = "Project parameters"


class Masters(Rows):
    """Adds master data."""

    def currency(self, code: str, rate: Decimal = Decimal(1), precision: int = 2) -> UUID:
        """The currency with this ISO code, made if need be; the rate is its units per unit of the base currency."""
        found = self.work.find("transactioncurrency", isocurrencycode=code)
        if found:
            id = found[0]["transactioncurrencyid"]
            if isinstance(id, UUID):
                return id
        values: dict[str, Cell] = {"currencyname": code, "isocurrencycode": code, "currencysymbol": code}
        return self.named("transactioncurrency", code, values | {"currencyprecision": precision, "exchangerate": rate})

    def organizational_unit(self, name: str, currency: UUID) -> UUID:
        """A unit that delivers or contracts work, with the currency of its costs."""
        own = Link("transactioncurrency", currency)
        return self.named("msdyn_organizationalunit", name, {"msdyn_name": name, "msdyn_currency": own})

    def units(self) -> None:
        """Hour and Day of 8 hours in the group Time; Each in the group Unit."""
        for group, base, others in (("Time", "Hour", {"Day": 8}), ("Unit", "Each", {})):
            schedule = Link("uomschedule", self.named("uomschedule", group, {"name": group, "baseuomname": base}))
            first: dict[str, Cell] = {"name": base, "uomscheduleid": schedule, "quantity": Decimal(1)}
            hour = self.named("uom", base, first | {"isschedulebaseuom": True})
            for name, quantity in others.items():
                larger: dict[str, Cell] = {"name": name, "uomscheduleid": schedule, "quantity": Decimal(quantity)}
                self.named("uom", name, larger | {"baseuom": Link("uom", hour)})

    def unit(self, name: str, group: str = "Unit", base: str = "Each", quantity: Decimal = Decimal(1)) -> UUID:
        """Another unit of a group, and how much of the base unit it is."""
        schedule = ref("uomschedule", group)
        values: dict[str, Cell] = {"name": name, "uomscheduleid": schedule, "quantity": quantity}
        return self.named("uom", name, values | {"baseuom": ref("uom", base)})

    def role(self, name: str, billing_type: int | None = BillingType.CHARGEABLE) -> UUID:
        """A role of the role master."""
        return self.named("bookableresourcecategory", name, {"name": name, "msdyn_billingtype": billing_type})

    def category(self, name: str, billing_type: int | None = BillingType.CHARGEABLE) -> UUID:
        """An expense category and its transaction category; returns the expense category."""
        master: dict[str, Cell] = {
            "msdyn_name": name,
            "msdyn_billingtype": billing_type,
            "msdyn_defaultunit": ref("uom", "Each"),
        }
        transaction = self.named(
            "msdyn_transactioncategory", name, master | {"msdyn_unitgroup": ref("uomschedule", "Unit")}
        )
        own: dict[str, Cell] = {"msdyn_name": name}
        own["msdyn_expensecategoryuid"] = Link("msdyn_transactioncategory", transaction)
        return self.named("msdyn_expensecategory", name, own)

    def resource(self, name: str, role: str, unit: str = ORGANIZATIONAL_UNIT) -> UUID:
        """A person with a sign-in, bookable, in a default role."""
        user = self.user(name, self.approver.id)
        values: dict[str, Cell] = {
            "name": name,
            "resourcetype": 3,
            "userid": Link("systemuser", user),
            "msdyn_organizationalunit": ref("msdyn_organizationalunit", unit),
        }
        resource = self.named("bookableresource", name, values)
        self.named(
            "bookableresourcecategoryassn",
            name,
            {
                "resource": Link("bookableresource", resource),
                "resourcecategory": ref("bookableresourcecategory", role),
                "msdyn_isdefault": True,
            },
        )
        return resource

    def user(self, name: str, manager: UUID | None = None) -> UUID:
        """Someone who can sign in."""
        unit = self.work.find("businessunit")[0]["businessunitid"]
        values: dict[str, Cell] = {
            "fullname": name,
            "firstname": name,
            "lastname": "Fabrikam",
            "domainname": f"{name.lower()}@fabrikam.example",
            "internalemailaddress": f"{name.lower()}@fabrikam.example",
            "isdisabled": False,
            "businessunitid": Link("businessunit", unit) if isinstance(unit, UUID) else None,
            "parentsystemuserid": None if manager is None else Link("systemuser", manager),
        }
        return self.named("systemuser", name, values)

    def parameters(self, unit: str = ORGANIZATIONAL_UNIT) -> UUID:
        """The one row of project parameters, on which cost price lists hang."""
        values: dict[str, Cell] = {"msdyn_description": PARAMETERS, "msdyn_resourceallocationmode": 1}
        values["msdyn_defaultorganizationalunit"] = ref("msdyn_organizationalunit", unit)
        return self.named("msdyn_projectparameter", PARAMETERS, values)

    def price_list(
        self, name: str, currency: UUID, begin: date, end: date, *, cost: bool = False, of_unit: str | None = None
    ) -> UUID:
        """A price list valid from one business date to another, both included.

        A cost list hangs on the organizational unit that is named, else on the parameters.
        """
        values: dict[str, Cell] = {
            "name": name,
            "transactioncurrencyid": Link("transactioncurrency", currency),
            "begindate": midnight(begin),
            "enddate": midnight(end),
            "msdyn_module": PriceContext.COST if cost else PriceContext.SALES,
            "msdyn_entity": PriceEntity.ORGANIZATION if cost else PriceEntity.SALES_DOCUMENT,
            "msdyn_timeunit": ref("uom", "Hour"),
        }
        id = self.named("pricelevel", name, values)
        if cost and of_unit is not None:
            own: dict[str, Cell] = {"msdyn_organizationalunitid": ref("msdyn_organizationalunit", of_unit).id}
            self.named(UNIT_PRICE_LISTS, f"{of_unit}/{name}", own | {"pricelevelid": id})
        elif cost:
            tie: dict[str, Cell] = {"msdyn_description": name, "msdyn_pricelist": Link("pricelevel", id)}
            parameters = ref("msdyn_projectparameter", PARAMETERS)
            self.named("msdyn_projectparameterpricelist", name, tie | {"msdyn_projectparameter": parameters})
        return id

    def role_price(
        self, price_list: str, role: str, price: Decimal, unit: str = "Hour", of_unit: str | None = None
    ) -> None:
        """What an hour (or a day) in a role costs or sells for; for people of one unit only if it is named."""
        values: dict[str, Cell] = {
            "msdyn_description": role,
            "msdyn_resourcecategory": ref("bookableresourcecategory", role),
            "msdyn_organizationalunit": None if of_unit is None else ref("msdyn_organizationalunit", of_unit),
            "msdyn_pricecalculation": PriceCalculation.PER_UNIT,
            "msdyn_price": price,
            "msdyn_unit": ref("uom", unit),
            "msdyn_unitschedule": ref("uomschedule", "Time"),
        }
        self._price("msdyn_resourcecategorypricelevel", price_list, f"{role}/{of_unit}" if of_unit else role, values)

    def category_price(
        self,
        price_list: str,
        category: str,
        how: int,
        percent: Decimal | None = None,
        price: Decimal | None = None,
        unit: str = "Each",
    ) -> None:
        """How an expense category is charged on: at cost, at cost plus a percentage, or at a price per unit."""
        values: dict[str, Cell] = {
            "msdyn_description": category,
            "msdyn_transactioncategory": ref("msdyn_transactioncategory", category),
            "msdyn_pricecalculation": how,
            "msdyn_percent": percent,
            "msdyn_price": price,
            "msdyn_unit": ref("uom", unit),
            "msdyn_unitschedule": ref("uomschedule", "Unit"),
        }
        self._price("msdyn_transactioncategorypricelevel", price_list, category, values)

    def _price(self, table: str, price_list: str, name: str, values: dict[str, Cell]) -> None:
        on = ref("pricelevel", price_list)
        row = self.work.get("pricelevel", on.id)
        own: dict[str, Cell] = {"msdyn_pricelist": on}
        if row is not None:
            own["transactioncurrencyid"] = row["transactioncurrencyid"]
        self.named(table, f"{price_list}/{name}", values | own)
