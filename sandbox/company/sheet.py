"""The demo company as a sheet: what a person would read to work out the totals by hand.

Amounts are in the currency named beside them, durations in minutes, dates are New York business dates of 2026.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from sandbox.dataverse.product.choices import BillingMethod, BillingType, PriceCalculation

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = range(5)
MONTHS: Final = (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))
NEW_YEAR: Final = date(2026, 1, 1)
PRICES_FROM: Final = date(2026, 1, 1)
PRICES_TO: Final = date(2026, 12, 31)
BASE: Final = "USD"
EURO_PER_DOLLAR: Final = Decimal("0.94")

RESOURCES: Final[Mapping[str, str]] = {"Ada": "Developer", "Ben": "Consultant", "Cora": "Trainee"}
"""Who works, and in which role."""
ROLES: Final = ("Developer", "Consultant", "Trainee")
CATEGORIES: Final = ("Hotel", "Airfare")

COST_RATES: Final = {"Developer": Decimal(100), "Consultant": Decimal(80), "Trainee": Decimal(40)}
"""What an hour costs Fabrikam US, in USD."""


@dataclass(frozen=True, slots=True)
class SalesList:
    """A contract's price list: hourly rates by role, and how expense categories are charged on."""

    name: str
    currency: str
    rates: Mapping[str, Decimal]
    categories: Mapping[str, tuple[int, Decimal | None]]


@dataclass(frozen=True, slots=True)
class Project:
    """A project and, unless it is internal, the contract line that bills it."""

    name: str
    contract: str | None = None
    billing_method: int = BillingMethod.TIME_AND_MATERIAL
    includes_expense: bool = True
    line_amount: Decimal = Decimal(0)
    non_chargeable_roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contract:
    """A project contract with its customer and price list."""

    name: str
    customer: str
    prices: SalesList
    milestones: tuple[tuple[str, Decimal, date], ...] = ()
    products: tuple[tuple[str, Decimal, Decimal], ...] = ()
    """Product lines: description, quantity, price per unit."""


CONTRACTS: Final[Mapping[str, Contract]] = {
    "C1": Contract(
        "Adatum rollout",
        "Adatum Corporation",
        SalesList(
            "Adatum 2026",
            "USD",
            {"Developer": Decimal(200), "Consultant": Decimal(150), "Trainee": Decimal(90)},
            {"Hotel": (PriceCalculation.AT_COST, None), "Airfare": (PriceCalculation.MARKUP, Decimal(10))},
        ),
    ),
    "C2": Contract(
        "Contoso migration",
        "Contoso Ltd",
        SalesList("Contoso 2026", "EUR", {}, {}),
        milestones=(
            ("Design accepted", Decimal(5000), date(2026, 2, 2)),
            ("Migration finished", Decimal(7500), date(2026, 3, 30)),
        ),
    ),
    "C3": Contract(
        "Northwind support",
        "Northwind Traders",
        SalesList("Northwind 2026", "USD", {"Developer": Decimal(180), "Consultant": Decimal(140)}, {}),
        products=(("Support pack", Decimal(3), Decimal(100)),),
    ),
}

PROJECTS: Final[Mapping[str, Project]] = {
    "P1": Project("Adatum rollout", "C1", non_chargeable_roles=("Trainee",)),
    "P2": Project("Contoso migration", "C2", BillingMethod.FIXED_PRICE, line_amount=Decimal(12500)),
    "P3": Project("Northwind support", "C3", includes_expense=False),
    "P4": Project("Fabrikam academy"),
}


@dataclass(frozen=True, slots=True)
class Time:
    """So many hours on one weekday, on its first so many dates of January, February and March."""

    project: str | None
    resource: str
    minutes: int
    weekday: int
    a_month: tuple[int, int, int]
    vacation: bool = False


@dataclass(frozen=True, slots=True)
class Expense:
    """An expense of this amount in USD, on the first so many of one weekday in each month."""

    project: str
    resource: str
    category: str
    amount: Decimal
    weekday: int
    a_month: tuple[int, int, int]


TIME: Final = (
    Time("P1", "Ada", 8 * 60, TUESDAY, (4, 4, 4)),
    Time("P1", "Ben", 7 * 60 + 30, MONDAY, (2, 2, 2)),
    Time("P1", "Ada", 2 * 60, MONDAY, (1, 0, 0)),
    Time("P1", "Cora", 5 * 60, MONDAY, (2, 1, 1)),
    Time("P1", "Ada", 100, MONDAY, (0, 1, 0)),
    Time("P1", "Ben", 8 * 60, THURSDAY, (0, 0, 1)),
    Time("P2", "Ada", 8 * 60, WEDNESDAY, (2, 2, 2)),
    Time("P2", "Ben", 8 * 60, TUESDAY, (2, 1, 1)),
    Time("P3", "Ada", 4 * 60, THURSDAY, (2, 2, 2)),
    Time("P3", "Ben", 6 * 60, WEDNESDAY, (1, 1, 1)),
    Time("P4", "Ada", 8 * 60, FRIDAY, (1, 1, 1)),
    Time("P4", "Cora", 5 * 60, TUESDAY, (1, 1, 1)),
    Time(None, "Ben", 8 * 60, FRIDAY, (1, 0, 0), vacation=True),
)
EXPENSES: Final = (
    Expense("P1", "Ada", "Hotel", Decimal(120), TUESDAY, (2, 1, 1)),
    Expense("P1", "Ada", "Airfare", Decimal(500), MONDAY, (1, 0, 1)),
    Expense("P2", "Ada", "Hotel", Decimal(150), WEDNESDAY, (0, 1, 0)),
    Expense("P3", "Ada", "Hotel", Decimal(90), THURSDAY, (0, 0, 1)),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the approver is to change on the approval row before approving: columns of ``msdyn_projectapproval``."""

    name: str
    changes: Mapping[str, int]


CUT: Final = Decision("cut", {"msdyn_salesquantity": 6})
"""8 submitted hours, of which 6 are billed."""
RAISED: Final = Decision("raised", {"msdyn_salesquantity": 10})
"""8 submitted hours, of which 10 are billed."""
COMPLIMENTARY: Final = Decision("complimentary", {"msdyn_billingtype": BillingType.COMPLIMENTARY})
"""Given away."""
DECISIONS: Final[Mapping[str, Decision]] = {
    "P1/Ada 8 h/2026-02-10": CUT,
    "P1/Ada 2 h/2026-01-05": COMPLIMENTARY,
    "P1/Ben 8 h/2026-03-05": RAISED,
}
"""By entry key. Every other entry is approved as it was submitted."""


def dates(weekday: int, a_month: tuple[int, int, int]) -> Iterator[date]:
    """The first so many of a weekday in each of the three months; New Year's Day is no working day."""
    for first, count in zip(MONTHS, a_month, strict=True):
        day = first + timedelta((weekday - first.weekday()) % 7)
        if day == NEW_YEAR:
            day += timedelta(7)
        for week in range(count):
            yield day + timedelta(7 * week)


def time_key(group: Time, day: date) -> str:
    """The name of one entry: project, person and duration, date."""
    hours, minutes = divmod(group.minutes, 60)
    length = f"{group.minutes} min" if minutes and hours < 2 else f"{Decimal(group.minutes) / 60:f} h"
    return f"{group.project or 'none'}/{group.resource} {length}/{day}"


def expense_key(group: Expense, day: date) -> str:
    """The name of one entry: project, category, date."""
    return f"{group.project}/{group.category}/{day}"
