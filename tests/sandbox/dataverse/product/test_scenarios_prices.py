"""The acceptance scenarios about prices, where the product itself makes the actuals. Numbers are the scenarios'."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from sandbox.company.names import company_id
from sandbox.dataverse.product.business_dates import day_of
from sandbox.dataverse.product.choices import (
    BillingType,
    PriceCalculation,
    TransactionType,
)
from sandbox.dataverse.unit_of_work import Link

if TYPE_CHECKING:
    from tests.sandbox.dataverse.product.conftest import Fabrikam

COST, UNBILLED, BILLED = TransactionType.COST, TransactionType.UNBILLED_SALES, TransactionType.BILLED_SALES
CHARGEABLE, NON, GIVEN = BillingType.CHARGEABLE, BillingType.NON_CHARGEABLE, BillingType.COMPLIMENTARY
APPROVAL = "msdyn_projectapproval"
SETS = "msdyn_ProcessProjectApprovalSets"
APPROVE, CANCEL = 192350003, 192350004


def approve(fabrikam: Fabrikam, approval: UUID) -> None:
    fabrikam.call("msdyn_ApprovalStatusApprove", approval)


def approved(fabrikam: Fabrikam, project: str | None = "T", minutes: int = 480, **changes: object) -> tuple[UUID, UUID]:
    entry, approval = fabrikam.submitted_time(project, minutes=minutes)
    if changes:
        fabrikam.update(APPROVAL, approval, changes)  # type: ignore[arg-type]
    approve(fabrikam, approval)
    return entry, approval


def abroad(product: Fabrikam, project: str, *, on_units: bool = False) -> UUID:
    """A submitted entry of Indi, of Contoso India, for Fabrikam US; the id of its approval.

    ``on_units``: each unit's cost list hangs on it; the parameters' list then says otherwise and doesn't count.
    """
    with product.building() as builder:
        rupee = builder.currency("INR", Decimal(80))
        builder.organizational_unit("Contoso India", rupee)
        builder.resource("Indi", "Developer", "Contoso India")
        builder.unit("Long day", "Time", "Hour", Decimal(10))
        us_list = "Fabrikam US own" if on_units else "Fabrikam US cost 2026"
        if on_units:
            dollar, year = product.dollar, (date(2026, 1, 1), date(2026, 12, 31))
            builder.price_list(us_list, dollar, *year, cost=True, of_unit="Fabrikam US")
            builder.price_list("India at large", rupee, *year, cost=True)
            builder.role_price("India at large", "Developer", Decimal(9))
        builder.role_price(us_list, "Developer", Decimal(67), of_unit="Contoso India")
        builder.role_price("Adatum 2026", "Developer", Decimal(112), of_unit="Contoso India")
        of_unit = "Contoso India" if on_units else None
        builder.price_list("India cost", rupee, date(2026, 1, 1), date(2026, 12, 31), cost=True, of_unit=of_unit)
        builder.role_price("India cost", "Developer", Decimal(1000), "Long day")
        return builder.submitted_time(project, "Indi", 480, product.day, unit="Contoso India").approval


@pytest.mark.parametrize("on_units", [False, True])
def test_scenario_11_work_of_another_unit_makes_four_kinds_of_actuals(product: Fabrikam, on_units: bool) -> None:
    approval = abroad(product, "T", on_units=on_units)
    approve(product, approval)
    rows = product.actuals()
    kinds = [COST, UNBILLED, TransactionType.RESOURCING_UNIT_COST, TransactionType.INTER_ORGANIZATIONAL_SALES]
    assert [row["msdyn_transactiontypecode"] for row in rows] == kinds
    assert [row["msdyn_amount"] for row in rows] == [536, 896, 800, 536]
    assert [row["msdyn_price"] for row in rows] == [67, 112, 100, 67]
    assert [row["msdyn_quantity"] for row in rows] == [8, 8, 8, 8]
    currencies = {Link("transactioncurrency", id): code for code, id in product.currencies.items()}
    assert [currencies.get(row["transactioncurrencyid"], "INR") for row in rows] == ["USD", "USD", "INR", "USD"]  # type: ignore[arg-type]


def costs(product: Fabrikam, currency: UUID, begin: date, price: int) -> None:
    """Hang a list with a developer's cost on the contracting unit."""
    with product.building() as builder:
        name = f"of {begin} for {price}"
        builder.price_list(name, currency, begin, date(2026, 12, 31), cost=True, of_unit="Fabrikam US")
        builder.role_price(name, "Developer", Decimal(price))


def test_a_units_own_cost_list_comes_before_those_of_the_parameters(product: Fabrikam) -> None:
    costs(product, product.dollar, date(2026, 1, 1), 90)
    approved(product)
    assert product.ledger()[0] == (COST, CHARGEABLE, 8, 720)


def test_a_unit_whose_own_cost_lists_do_not_span_the_day_has_no_cost_price(product: Fabrikam) -> None:
    costs(product, product.dollar, date(2026, 6, 1), 90)
    approved(product)
    assert product.ledger()[0] == (COST, CHARGEABLE, 8, 0)


def test_two_own_cost_lists_that_span_the_day_are_none(product: Fabrikam) -> None:
    costs(product, product.dollar, date(2026, 1, 1), 90)
    costs(product, product.dollar, date(2026, 1, 1), 95)
    approved(product)
    assert product.ledger()[0] == (COST, CHARGEABLE, 8, 0)


def test_a_units_own_cost_list_in_another_currency_is_converted(product: Fabrikam) -> None:
    with product.building() as builder:
        rupee = builder.currency("INR", Decimal(80))
    costs(product, rupee, date(2026, 1, 1), 4000)
    approved(product)
    assert product.ledger()[0] == (COST, CHARGEABLE, 8, 400)


def test_on_fixed_price_another_units_work_costs_only_unless_switched(product: Fabrikam) -> None:
    approval = abroad(product, "F")
    approve(product, approval)
    assert [row[3] for row in product.ledger()] == [536]
    product.switches.inter_organizational_without_sales = True
    cancel = {"ActionType": 192350004, "ProjectApprovals": [{"msdyn_projectapprovalid": str(approval)}]}
    product.call_with("msdyn_ProcessProjectApprovalSets", cancel)
    approve(product, approval)
    assert sorted(row[3] for row in product.ledger()) == [-536, 536, 536, 536, 800]


def test_scenario_20_airfare_is_charged_on_with_its_markup(product: Fabrikam) -> None:
    with product.building() as builder:
        builder.account("Contoso Ltd")
    _, approval = product.submitted_expense(category="Airfare", amount="500")
    approve(product, approval)
    assert product.ledger() == [(COST, CHARGEABLE, 1, 500), (UNBILLED, CHARGEABLE, 1, 550)]


@pytest.mark.parametrize(("unit", "amount"), [("Mile", 100), ("Kilometre", 0)])
def test_scenario_21_units_of_an_expense_never_convert(product: Fabrikam, unit: str, amount: int) -> None:
    with product.building() as builder:
        builder.unit("Mile")
        builder.unit("Kilometre")
        builder.category("Mileage")
        builder.category_price("Adatum 2026", "Mileage", PriceCalculation.PER_UNIT, price=Decimal(10), unit="Mile")
        entry = builder.expense("T", "Ada", "Mileage", Decimal(4), product.day, quantity=Decimal(10), unit=unit)
    product.call("msdyn_ExpenseEntriesSubmit", ExpenseEntryIds=str(entry))
    product.call("msdyn_ExpenseEntriesApprove", ExpenseEntryIds=str(entry))
    assert product.ledger() == [(COST, CHARGEABLE, 10, 40), (UNBILLED, CHARGEABLE, 10, amount)]
    assert [row["msdyn_price"] for row in product.actuals(UNBILLED)] == [Decimal(amount) / 10]


def test_scenario_23_cost_is_in_the_units_currency_and_sales_in_the_contracts(product: Fabrikam) -> None:
    with product.building() as builder:
        yen = builder.currency("JPY", Decimal(123), 0)
        pound = builder.currency("GBP", Decimal("0.8"))
        builder.organizational_unit("Contoso UK", pound)
        builder.price_list("UK cost", pound, date(2026, 1, 1), date(2026, 12, 31), cost=True)
        builder.role_price("UK cost", "Developer", Decimal(50))
        builder.price_list("Yen 2026", yen, date(2026, 1, 1), date(2026, 12, 31))
        builder.role_price("Yen 2026", "Developer", Decimal(20000))
        builder.account("Wingtip")
        builder.contract("J", "Wingtip", "Wingtip", yen, "Yen 2026")
        builder.project("Y", "Wingtip", yen, "Contoso UK")
        builder.project_line("Y", "J", yen)
        builder.resource("Uma", "Developer", "Contoso UK")
        approval = builder.submitted_time("Y", "Uma", 480, product.day, unit="Contoso UK").approval
    approve(product, approval)
    cost, sales = product.actuals()
    assert [(row["msdyn_quantity"], row["msdyn_price"]) for row in (cost, sales)] == [(8, 50), (8, 20000)]
    assert (cost["msdyn_amount"], cost["transactioncurrencyid"]) == (400, Link("transactioncurrency", pound))
    assert (sales["msdyn_amount"], sales["transactioncurrencyid"]) == (160000, Link("transactioncurrency", yen))
    assert sales["msdyn_amount_base"] == Decimal("1300.81")


def test_scenario_24_the_price_is_that_of_the_entrys_day_not_of_its_approval(product: Fabrikam) -> None:
    with product.building() as builder:
        builder.price_list("Adatum 2025", product.dollar, date(2025, 1, 1), date(2025, 12, 31))
        builder.role_price("Adatum 2025", "Developer", Decimal(200))
        builder.contract_price_list("K", "Adatum 2025")
        role = company_id("msdyn_resourcecategorypricelevel", "Adatum 2026/Developer")
        builder.work.update("msdyn_resourcecategorypricelevel", role, {"msdyn_price": Decimal(220)})
    _, approval = product.submitted_time(on=date(2025, 12, 31))
    approve(product, approval)
    (sales,) = product.actuals(UNBILLED)
    assert (sales["msdyn_quantity"], sales["msdyn_price"], sales["msdyn_amount"]) == (8, 200, 1600)
    assert day_of(sales["msdyn_documentdate"]) == date(2025, 12, 31)  # type: ignore[arg-type]


@pytest.mark.parametrize("how_many", [2, 0])
def test_scenario_25_two_lists_that_cover_the_day_are_as_bad_as_none(product: Fabrikam, how_many: int) -> None:
    day = product.day if how_many else date(2024, 2, 1)
    if how_many:
        with product.building() as builder:
            builder.price_list("Overlap", product.dollar, date(2026, 2, 1), date(2026, 2, 28))
            builder.role_price("Overlap", "Developer", Decimal(300))
            builder.contract_price_list("K", "Overlap")
    _, approval = product.submitted_time(on=day)
    approve(product, approval)
    (sales,) = product.actuals(UNBILLED)
    assert (sales["msdyn_price"], sales["msdyn_amount"], sales["msdyn_pricelist"]) == (0, 0, None)


def test_scenario_27_minutes_are_rounded_to_hours_before_they_are_priced(product: Fabrikam) -> None:
    approved(product, minutes=100)
    (sales,) = product.actuals(UNBILLED)
    assert (sales["msdyn_quantity"], sales["msdyn_amount"]) == (Decimal("1.67"), Decimal("334.00"))
