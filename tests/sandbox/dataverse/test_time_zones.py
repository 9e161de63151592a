"""Dates as a caller in a time zone sees, writes and asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from sandbox.dataverse.seed import USERS

if TYPE_CHECKING:
    from sandbox.dataverse.server import DataverseServer
    from tests.sandbox.dataverse.conftest import Api

BERLIN, TOKYO = 110, 235
FORMATTED = "OData.Community.Display.V1.FormattedValue"
ALL = 'odata.include-annotations="*"'


@pytest.fixture
def berlin(api: Api) -> Api:
    """The service's user, whose clock is Berlin's."""
    assert api("PATCH", f"usersettingscollection({USERS['service']})", json={"timezonecode": BERLIN}).status_code == 204
    return api


def test_a_user_local_instant_is_answered_in_utc_and_shown_on_the_callers_clock(
    berlin: Api, as_user: Callable[[str], Api]
) -> None:
    values = {"name": "I", "datedelivered": "2026-03-30T22:30:00Z", "duedate": "2026-03-31"}
    id = berlin.create("invoices", values)
    row = berlin.get(f"invoices({id})", Prefer=ALL)
    assert row["datedelivered"] == "2026-03-30T22:30:00Z"
    assert row[f"datedelivered@{FORMATTED}"].startswith("3/31/2026")
    assert (row["duedate"], row[f"duedate@{FORMATTED}"]) == ("2026-03-31", "3/31/2026")
    elsewhere = as_user("administrator").get(f"invoices({id})", Prefer=ALL)
    assert elsewhere[f"datedelivered@{FORMATTED}"].startswith("3/30/2026")
    assert elsewhere[f"duedate@{FORMATTED}"] == "3/31/2026"


def test_a_plain_date_for_a_user_local_column_is_midnight_on_the_callers_clock(
    berlin: Api, server: DataverseServer
) -> None:
    id = berlin.create("invoices", {"name": "I", "datedelivered": "2026-07-01"})
    assert berlin.get(f"invoices({id})")["datedelivered"] == "2026-06-30T22:00:00Z"
    found = "invoices?$select=name&$filter=datedelivered ge 2026-07-01"
    assert len(berlin.get(found)["value"]) == 1
    server.organisation.store.dates.plain_dates_are_local = False
    assert berlin.get(found)["value"] == []
    id = berlin.create("invoices", {"name": "J", "datedelivered": "2026-07-01"})
    assert berlin.get(f"invoices({id})")["datedelivered"] == "2026-07-01T00:00:00Z"


@pytest.mark.parametrize(("code", "day"), [(BERLIN, "2026-07-01"), (TOKYO, "2026-07-01"), (35, "2026-06-30")])
def test_a_day_asked_for_is_the_callers_day(api: Api, code: int, day: str) -> None:
    api("PATCH", f"usersettingscollection({USERS['service']})", json={"timezonecode": code})
    api.create("invoices", {"name": "I", "datedelivered": "2026-06-30T22:30:00Z", "duedate": "2026-07-01"})
    for column, wanted in (("datedelivered", day), ("duedate", "2026-07-01")):
        for other in ("2026-06-30", "2026-07-01"):
            on = f"Microsoft.Dynamics.CRM.On(PropertyName='{column}',PropertyValue='{other}')"
            assert len(api.get(f"invoices?$filter={on}")["value"]) == (other == wanted), (column, other)


def test_money_choices_flags_and_numbers_are_shown_as_people_write_them(api: Api) -> None:
    euro = {"isocurrencycode": "EUR", "currencyname": "Euro", "currencysymbol": "€", "currencyprecision": 2}
    currency = api.create("transactioncurrencies", euro | {"exchangerate": 0.5})
    values = {"name": "A", "revenue": 1234.5, "numberofemployees": 12345, "creditonhold": True}
    id = api.create("accounts", values | {"transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency})"})
    row = api.get(f"accounts({id})", Prefer=ALL)
    shown = {name: row[f"{name}@{FORMATTED}"] for name in ("revenue", "revenue_base", "numberofemployees", "statecode")}
    assert shown == {
        "revenue": "€1,234.50",
        "revenue_base": "$2,469.00",
        "numberofemployees": "12,345",
        "statecode": "Active",
    }
    assert row[f"creditonhold@{FORMATTED}"] == "Yes"
    assert row[f"_transactioncurrencyid_value@{FORMATTED}"] == "Euro"
    assert row["_transactioncurrencyid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "transactioncurrency"
