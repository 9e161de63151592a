"""How many actuals, and how much money, this service writes within 24 hours before a person has to agree.

Counted is what its own user created in Dataverse, so that a restart forgets nothing and replicas share one count. It
is read again every few minutes, and always before anything is held back; in between, what passes here is added. With
several replicas the ceiling can be passed by what the others write between two readings.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.changes import Create, Reference
from connector.dataverse.query import Compare, Query, all_of, equals
from connector.errors import ConnectorError, Misconfigured
from handlers.plan import Plan
from handlers.reading import ask
from mappings import tables

WINDOW = timedelta(hours=24)
FRESH = timedelta(minutes=5)
REOPENS_AT = Decimal("0.9")
"""The part of a ceiling below which a closed gate opens again, so that it does not do so for one message at a time."""


@dataclass(frozen=True)
class Load:
    """A number of actuals, and their amounts by currency, counted whichever way they go."""

    rows: int = 0
    amounts: Mapping[UUID, Decimal] = field(default_factory=dict)

    def __add__(self, other: Load) -> Load:
        amounts = dict(self.amounts)
        for currency, amount in other.amounts.items():
            amounts[currency] = amounts.get(currency, Decimal(0)) + amount
        return Load(self.rows + other.rows, amounts)


def load_of(plan: Plan) -> Load:
    """The actuals a plan creates; a correction creates some as well."""
    load = Load()
    for change in (change for one in plan.change_sets for change in one.changes):
        if isinstance(change, Create) and change.row.table == tables.ACTUAL:
            amount, currency = change.values.get("msdyn_amount"), change.values.get("transactioncurrencyid")
            if isinstance(amount, Decimal) and isinstance(currency, Reference):
                load += Load(1, {currency.id: abs(amount)})
            else:
                load += Load(1)
    return load


@dataclass
class WriteCeiling:
    """One ceiling for all threads. ``rows`` zero, or an amount of ``None`` for a currency's ISO code: none."""

    dataverse: Reader
    own_user: Callable[[], UUID]
    now: Callable[[], datetime]
    rows: int
    amount_in: Callable[[str], Decimal | None]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _written: Load = field(default_factory=Load)
    _read_at: datetime | None = None
    _codes: dict[UUID, str] = field(default_factory=dict)
    _passing: list[tuple[Plan, Load]] = field(default_factory=list)
    _through: Load = field(default_factory=Load)
    _held_back: Load | None = None

    def holds_back(self, plan: Plan) -> ConnectorError | None:
        """Our own fault in the sense that every message must be kept: the service pauses."""
        load = load_of(plan)
        if not load.rows:
            return None
        with self._lock:
            try:
                over = self._over(load)
            except ConnectorError as failure:
                return failure
            if over is None:
                self._passing.append((plan, load))
                return None
            self._held_back = load
            return Misconfigured("write-ceiling", over)

    def is_through(self, plan: Plan) -> None:
        """What it created is in Dataverse by now, and counted there from the next reading on."""
        with self._lock:
            self._through = sum((load for one, load in self._passing if one is plan), self._through)
            self._passing = [(one, load) for one, load in self._passing if one is not plan]

    def check(self) -> None:
        """Raises ``Misconfigured`` while there is no room yet for what was held back."""
        with self._lock:
            if self._held_back is None:
                return
            self._read()
            over = self._above(self._held_back, REOPENS_AT)
            if over is not None:
                raise Misconfigured("write-ceiling", over)
            self._held_back = None

    def _over(self, load: Load) -> str | None:
        if self._read_at is None or self.now() - self._read_at >= FRESH or self._above(load) is not None:
            self._read()
        return self._above(load)

    def _above(self, load: Load, part: Decimal = Decimal(1)) -> str | None:
        """Which ceiling it would pass, or this part of a ceiling where anything was written; ``None``: none."""
        before = sum((load for _, load in self._passing), self._written + self._through)
        after = before + load
        if self.rows and after.rows > self.rows * (part if before.rows else 1):
            return _sentence(f"{before.rows} actuals", f"{load.rows} more", f"{self.rows}", fits=load.rows <= self.rows)
        for currency in load.amounts:
            code = self._codes.get(currency, str(currency))
            ceiling = self.amount_in(code)
            earlier = before.amounts.get(currency, Decimal(0))
            if ceiling is not None and after.amounts[currency] > ceiling * (part if earlier else 1):
                # A failure's sentence carries no amount.
                written = f"actuals in {code}" if earlier else f"no actual in {code}"
                fits = load.amounts[currency] <= ceiling
                return _sentence(written, "what is to be written next", f"amounts in {code}", fits=fits)
        return None

    def _read(self) -> None:
        """Count anew. What is on its way meanwhile may be in the count already, and is counted until it is through."""
        at = self.now()
        mine = all_of(equals("createdby", self.own_user()), Compare("createdon", "ge", at - WINDOW))
        currencies, rows = ask(
            self.dataverse,
            Query(tables.CURRENCY, ("isocurrencycode",)),
            Query(tables.ACTUAL, ("msdyn_amount", "transactioncurrencyid"), mine),
        )
        sums: dict[UUID, Decimal] = {}
        for row in rows:
            if currency := row.link_id("transactioncurrencyid"):
                sums[currency] = sums.get(currency, Decimal(0)) + abs(row.number("msdyn_amount") or Decimal(0))
        self._codes = {row.id: row.text("isocurrencycode") or str(row.id) for row in currencies}
        self._written, self._through, self._read_at = Load(len(rows), sums), Load(), at


def _sentence(written: str, more: str, ceiling: str, *, fits: bool) -> str:
    """Why it pauses. What ``fits`` no ceiling by itself waits for a person, however long."""
    return (
        f"This service's user created {written} within 24 hours; {more} would pass the write ceiling of {ceiling}. "
        "See that they are right; then raise the ceiling, or start the service with --yes. "
        + ("It goes on by itself as the 24 hours move on." if fits else "It does not go on by itself.")
    )
