"""Loading the demo company into a running Dataverse."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final, Protocol
from uuid import UUID

from sandbox.company import sheet
from sandbox.company.builder import Builder
from sandbox.company.company import Company, company
from sandbox.company.rows import ORGANIZATIONAL_UNIT
from sandbox.dataverse.product.choices import BillingType, TimeType
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Cell, UnitOfWork

COST_LIST: Final = "Fabrikam US cost 2026"
_PEOPLE: Final = {"approver": ("Paula", "Approver"), "clerk": ("Colin", "Clerk")}


class Server(Protocol):
    """What the loader needs of a Dataverse: a transaction from inside the process."""

    def transaction(self, user: str | UUID = ...) -> AbstractContextManager[UnitOfWork]:
        """A unit of work as this user."""
        ...


def load(server: Server) -> Company:
    """Write the demo company in one transaction, unless this Dataverse has it already; returns its names and ids."""
    found = company()
    with server.transaction("administrator") as work:
        if work.get("msdyn_organizationalunit", found.organizational_unit) is None:
            builder = Builder(work, USERS["approver"])
            currencies = masters(builder)
            _contracts(builder, currencies)
            _entries(builder)
    return found


def masters(builder: Builder) -> dict[str, UUID]:
    """People, units, roles, categories and price lists. Returns the currencies by ISO code."""
    for name, (first, last) in _PEOPLE.items():
        person: dict[str, Cell] = {"firstname": first, "lastname": last, "fullname": f"{first} {last}"}
        builder.work.update("systemuser", USERS[name], person)
    dollar = builder.currency(sheet.BASE)
    currencies = {sheet.BASE: dollar, "EUR": builder.currency("EUR", sheet.EURO_PER_DOLLAR)}
    builder.organizational_unit(ORGANIZATIONAL_UNIT, dollar)
    builder.units()
    for role in sheet.ROLES:
        builder.role(role)
    for category in sheet.CATEGORIES:
        builder.category(category)
    for resource, role in sheet.RESOURCES.items():
        builder.resource(resource, role)
    builder.parameters()
    builder.price_list(COST_LIST, dollar, sheet.PRICES_FROM, sheet.PRICES_TO, cost=True)
    for role, rate in sheet.COST_RATES.items():
        builder.role_price(COST_LIST, role, rate)
    for contract in sheet.CONTRACTS.values():
        prices = contract.prices
        builder.price_list(prices.name, currencies[prices.currency], sheet.PRICES_FROM, sheet.PRICES_TO)
        for role, rate in prices.rates.items():
            builder.role_price(prices.name, role, rate)
        for category, (how, percent) in prices.categories.items():
            builder.category_price(prices.name, category, how, percent)
    return currencies


def _contracts(builder: Builder, currencies: dict[str, UUID]) -> None:
    for key, contract in sheet.CONTRACTS.items():
        builder.account(contract.customer)
        currency = currencies[contract.prices.currency]
        builder.contract(key, contract.name, contract.customer, currency, contract.prices.name)
    for key, project in sheet.PROJECTS.items():
        builder.project(key, project.name, currencies[sheet.BASE])
        if project.contract is not None:
            _line(builder, key, project, project.contract, currencies)
    for key, contract in sheet.CONTRACTS.items():
        for name, quantity, price in contract.products:
            builder.product_line(key, name, quantity, price, currencies[contract.prices.currency])


def _line(builder: Builder, key: str, project: sheet.Project, contract: str, currencies: dict[str, UUID]) -> None:
    terms = sheet.CONTRACTS[contract]
    currency = currencies[terms.prices.currency]
    builder.project_line(
        key,
        contract,
        currency,
        billing_method=project.billing_method,
        expense=project.includes_expense,
        amount=project.line_amount,
    )
    for role in project.non_chargeable_roles:
        builder.role_on_line(key, role, BillingType.NON_CHARGEABLE)
    for name, amount, day in terms.milestones:
        builder.milestone(key, contract, name, amount, day, currency)


def _entries(builder: Builder) -> None:
    for time in sheet.TIME:
        kind = TimeType.VACATION if time.vacation else TimeType.WORK
        for day in sheet.dates(time.weekday, time.a_month):
            key = sheet.time_key(time, day)
            builder.submitted_time(time.project, time.resource, time.minutes, day, type=kind, key=key)
    for expense in sheet.EXPENSES:
        for day in sheet.dates(expense.weekday, expense.a_month):
            key = sheet.expense_key(expense, day)
            builder.submitted_expense(expense.project, expense.resource, expense.category, expense.amount, day, key=key)
