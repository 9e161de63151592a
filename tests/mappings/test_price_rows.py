"""Rows of price lists as they are read: what is inactive is not there, what gives no price has none."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.dimensions import DEFAULT, ROLE, UNIT
from mappings.price_rows import CategoryPrice, RolePrice, category_price, role_price
from mappings.tables import Cell, Ref
from tests.mappings.price_samples import ADATUM, AIRFARE, DEVELOPER, EACH, HOUR, dimension
from tests.mappings.samples import USD, row, uid

BAND = dimension("new_band", 3)
ROLE_ROW: dict[str, Cell] = {
    "msdyn_pricelist": ADATUM.ref,
    "msdyn_resourcecategory": Ref("bookableresourcecategory", DEVELOPER),
    "new_band": 2,
    "msdyn_pricecalculation": 192350000,
    "msdyn_price": Decimal(200),
    "msdyn_unit": Ref("uom", HOUR),
    "transactioncurrencyid": Ref("transactioncurrency", USD.id),
    "statecode": 0,
}
CATEGORY_ROW: dict[str, Cell] = {
    "msdyn_pricelist": ADATUM.ref,
    "msdyn_transactioncategory": Ref("msdyn_transactioncategory", AIRFARE),
    "msdyn_pricecalculation": 192350002,
    "msdyn_percent": Decimal(10),
    "msdyn_unit": Ref("uom", EACH),
    "transactioncurrencyid": Ref("transactioncurrency", USD.id),
}
PRICE = Ref("msdyn_resourcecategorypricelevel", uid(1101))
CHARGE = Ref("msdyn_transactioncategorypricelevel", uid(1102))


def test_a_role_price_is_read_by_the_dimensions_there_are() -> None:
    assert role_price(row(PRICE, ROLE_ROW), (*DEFAULT, BAND)) == RolePrice(
        ref=PRICE,
        price_list=ADATUM.ref.id,
        values={ROLE: DEVELOPER, UNIT: None, "new_band": 2},
        price=Decimal(200),
        percent=None,
        unit=HOUR,
        currency=USD.id,
    )


@pytest.mark.parametrize(
    ("calculation", "price"), [(None, 200), (192350000, 200), (192350001, None), (192350002, None)]
)
def test_at_cost_and_markup_mean_nothing_for_time(calculation: int | None, price: int | None) -> None:
    read = role_price(row(PRICE, ROLE_ROW | {"msdyn_pricecalculation": calculation}), DEFAULT)
    assert read is not None
    assert read.price == price


def test_a_category_price_is_read_whole() -> None:
    assert category_price(row(CHARGE, CATEGORY_ROW)) == CategoryPrice(
        ref=CHARGE,
        price_list=ADATUM.ref.id,
        category=AIRFARE,
        calculation=192350002,
        price=None,
        percent=Decimal(10),
        unit=EACH,
        currency=USD.id,
    )


def test_an_inactive_row_is_as_if_not_there() -> None:
    assert role_price(row(PRICE, ROLE_ROW | {"statecode": 1}), DEFAULT) is None
    assert category_price(row(CHARGE, CATEGORY_ROW | {"statecode": 1})) is None
