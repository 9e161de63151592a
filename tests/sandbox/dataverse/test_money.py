"""Amounts are exact, rounded to their currency, and worth something in the base currency."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.dataverse.conftest import Api


def exact(api: Api, path: str) -> Any:
    return json.loads(api("GET", path).content, parse_float=Decimal)


@pytest.fixture
def euro(api: Api) -> str:
    values = {"isocurrencycode": "EUR", "currencyname": "Euro", "currencysymbol": "€", "currencyprecision": 2}
    return f"/transactioncurrencies({api.create('transactioncurrencies', values | {'exchangerate': 0.94})})"


def test_a_foreign_amount_is_divided_by_the_rate_and_rounded_to_the_base_precision(api: Api, euro: str) -> None:
    # 250 EUR at 0.94 EUR for a dollar: 265.957… → 265.96 dollars (PSA/advanced-currency prints it cut off)
    id = api.create("salesorders", {"name": "C", "totalamount": 250, "transactioncurrencyid@odata.bind": euro})
    row = exact(api, f"salesorders({id})")
    assert (row["totalamount"], row["totalamount_base"], row["exchangerate"]) == (
        Decimal("250.00"),
        Decimal("265.96"),
        Decimal("0.94"),
    )


def test_without_a_currency_the_base_currency_is_taken(api: Api) -> None:
    row = exact(api, f"salesorders({api.create('salesorders', {'name': 'C', 'totalamount': 0.1})})")
    assert row["_transactioncurrencyid_value"] is not None
    assert (row["totalamount"], row["totalamount_base"], row["exchangerate"]) == (Decimal("0.10"), Decimal("0.10"), 1)


def test_an_amount_is_rounded_to_the_precision_of_its_currency(api: Api) -> None:
    values = {"isocurrencycode": "JPY", "currencyname": "Yen", "currencysymbol": "¥", "currencyprecision": 0}
    yen = f"/transactioncurrencies({api.create('transactioncurrencies', values | {'exchangerate': 150})})"
    id = api.create("salesorders", {"name": "C", "totalamount": 1234.5, "transactioncurrencyid@odata.bind": yen})
    row = exact(api, f"salesorders({id})")
    assert (row["totalamount"], row["totalamount_base"]) == (Decimal(1234), Decimal("8.23"))


def test_no_digit_of_a_large_amount_or_a_fine_quantity_is_lost(api: Api) -> None:
    body = b'{"msdyn_amount": 999999999.99, "msdyn_quantity": 0.1234567891}'
    answer = api("POST", "msdyn_actuals?$select=msdyn_amount,msdyn_quantity", data=body, Prefer="return=representation")
    assert b'"msdyn_amount":999999999.99' in answer.content
    assert b'"msdyn_quantity":0.1234567891' in answer.content


def test_a_changed_amount_and_a_changed_currency_are_converted_anew(api: Api, euro: str) -> None:
    id = api.create("salesorders", {"name": "C", "totalamount": 94})
    api("PATCH", f"salesorders({id})", json={"totalamount": 188})
    assert exact(api, f"salesorders({id})")["totalamount_base"] == 188
    api("PATCH", f"salesorders({id})", json={"transactioncurrencyid@odata.bind": euro})
    row = exact(api, f"salesorders({id})")
    assert (row["totalamount"], row["totalamount_base"]) == (188, 200)
    api("PATCH", f"salesorders({id})", json={"totalamount": None})
    assert exact(api, f"salesorders({id})")["totalamount_base"] is None


def test_numbers_compare_as_numbers_and_not_as_text(api: Api) -> None:
    for amount in (9, 10, 100.5, -3):
        api.create("salesorders", {"name": str(amount), "totalamount": amount})
    found = api.get("salesorders?$select=name&$filter=totalamount gt 9 and totalamount lt 100.50")["value"]
    assert [row["name"] for row in found] == ["10"]
    equal = api.get("salesorders?$select=name&$filter=totalamount eq 100.5")["value"]
    assert [row["name"] for row in equal] == ["100.5"]
    ordered = api.get("salesorders?$select=name&$orderby=totalamount desc")["value"]
    assert [row["name"] for row in ordered] == ["100.5", "10", "9", "-3"]
