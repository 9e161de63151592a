"""What an hour or an expense costs and sells for, by the price lists: the rules of pricing, written a second time.

Only the two default dimensions are known here: role, then organizational unit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.flow.checker.books import Books, Json, day, number, rounded

COST_LIST, SALES_LIST = 192350000, 192350002
AT_COST, MARKUP = 192350001, 192350002


@dataclass(frozen=True)
class Prices:
    """The price lists as they stand; days are told in ``zone``."""

    books: Books
    zone: ZoneInfo

    def cost(self, whose: object, unit: str, currency: object, role: object, on: date) -> Decimal | None:
        """An hour of this role, of people of ``unit``, by the cost lists in this currency that hang on unit ``whose``.

        A unit without any has those of the parameters.
        """
        ties = self.books.find("msdyn_organizationalunit_pricelevelset", msdyn_organizationalunitid=whose)
        own = [row["pricelevelid"] for row in ties]
        everybodys = [row["_msdyn_pricelist_value"] for row in self.books["msdyn_projectparameterpricelists"]]
        return self._hour(self._only(own or everybodys, COST_LIST, currency, on), role, unit)

    def sales(self, contract: Json, unit: str, role: object, on: date) -> Decimal | None:
        """An hour as the contract sells it."""
        return self._hour(self._of_contract(contract, on), role, unit)

    def expense(self, contract: Json, category: object, unit: object, cost: Decimal, on: date) -> Decimal | None:
        """One unit of an expense as the contract charges it on; ``cost`` is in the contract's currency."""
        found = self._of_contract(contract, on)
        if found is None:
            return None
        rows = self.books.find(
            "msdyn_transactioncategorypricelevels",
            _msdyn_pricelist_value=found["pricelevelid"],
            _msdyn_transactioncategory_value=category,
            _msdyn_unit_value=unit,
        )
        if len(rows) != 1:
            return None
        how = rows[0]["msdyn_pricecalculation"]
        if how == AT_COST:
            return cost
        if how == MARKUP:
            return cost * (100 + number(rows[0]["msdyn_percent"])) / 100
        return number(rows[0]["msdyn_price"])

    def converted(self, amount: Decimal, source: object, target: object) -> Decimal:
        """By way of the base currency: a rate says how many units one unit of the base is."""
        if source == target:
            return amount
        rates = {row["transactioncurrencyid"]: number(row["exchangerate"]) for row in self._currencies()}
        return rounded(amount / rates[source] * rates[target], self.places(target))

    def places(self, currency: object) -> int:
        """The decimals of a currency."""
        return int(str(self.books.one("transactioncurrencies", transactioncurrencyid=currency)["currencyprecision"]))

    def _currencies(self) -> list[Json]:
        return self.books["transactioncurrencies"]

    def _of_contract(self, contract: Json, on: date) -> Json | None:
        attached = self.books.find("msdyn_orderpricelists", _msdyn_contract_value=contract["salesorderid"])
        ids = (row["_msdyn_pricelist_value"] for row in attached)
        return self._only(ids, SALES_LIST, contract["_transactioncurrencyid_value"], on)

    def _only(self, ids: Iterable[object], context: int, currency: object, on: date) -> Json | None:
        """The one list that covers the day; none and two are equally useless."""
        wanted = set(ids)
        found = []
        for row in self.books.find("pricelevels", msdyn_module=context, _transactioncurrencyid_value=currency):
            begin, end = day(row["begindate"], self.zone), day(row["enddate"], self.zone)
            if row["pricelevelid"] in wanted and begin and end and begin <= on <= end:
                found.append(row)
        return found[0] if len(found) == 1 else None

    def _hour(self, price_list: Json | None, role: object, unit: object) -> Decimal | None:
        if price_list is None:
            return None
        rows = self.books.find("msdyn_resourcecategorypricelevels", _msdyn_pricelist_value=price_list["pricelevelid"])
        for wanted in ((role, unit), (role, None), (None, unit), (None, None)):
            for row in rows:
                if (row["_msdyn_resourcecategory_value"], row["_msdyn_organizationalunit_value"]) == wanted:
                    by = self.books.one("uoms", uomid=row["_msdyn_unit_value"] or price_list["_msdyn_timeunit_value"])
                    return number(row["msdyn_price"]) / number(by["quantity"])
        return None
