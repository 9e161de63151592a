"""A small Fabrikam: one contract with a time and material line, a fixed price line and a product; no entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from sandbox.clock import Clock
from sandbox.company import Builder
from sandbox.company.loader import masters
from sandbox.company.names import company_id
from sandbox.dataverse.product import ACTIONS
from sandbox.dataverse.product.business_dates import midnight
from sandbox.dataverse.product.choices import BillingMethod, BillingStatus, BillingType, TransactionType
from sandbox.dataverse.product.traces import originate
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import Cell, Link, Row

DAY = date(2026, 2, 10)
_RUN = {action.name: action.run for action in ACTIONS}


class Fabrikam:
    """The world of these tests, and the few things they do to it."""

    day = DAY

    def __init__(self, server: DataverseServer, clock: Clock) -> None:
        self.server = server
        self.clock = clock
        with self.building() as builder:
            self.currencies = masters(builder)
            self.dollar = self.currencies["USD"]
            builder.account("Adatum Corporation")
            self.contract = builder.contract("K", "Adatum", "Adatum Corporation", self.dollar, "Adatum 2026")
            for project in ("T", "F", "I"):
                builder.project(project, f"Project {project}", self.dollar)
            self.line = builder.project_line("T", "K", self.dollar)
            self.fixed = builder.project_line("F", "K", self.dollar, billing_method=BillingMethod.FIXED_PRICE)
            self.pack = builder.product_line("K", "Support pack", Decimal(3), Decimal(100), self.dollar)
            self.milestone = builder.milestone("F", "K", "Design", Decimal(5000), DAY, self.dollar)

    @contextmanager
    def building(self) -> Iterator[Builder]:
        with self.server.transaction("administrator") as work:
            yield Builder(work, USERS["approver"])

    def call(self, name: str, bound: UUID | None = None, user: str = "approver", **parameters: object) -> Link | None:
        return self.call_with(name, parameters, bound, user)

    def call_with(
        self, name: str, parameters: Mapping[str, object], bound: UUID | None = None, user: str = "approver"
    ) -> Link | None:
        with self.server.transaction(user) as work:
            return _RUN[name](work, bound, parameters)

    def row(self, table: str, id: UUID) -> Row:
        with self.server.transaction() as work:
            row = work.get(table, id)
        assert row is not None, f"{table} {id} is gone"
        return row

    def gone(self, table: str, id: UUID) -> bool:
        with self.server.transaction() as work:
            return work.get(table, id) is None

    def find(self, table: str, **equals: Cell) -> list[Row]:
        with self.server.transaction() as work:
            return work.find(table, **equals)

    def update(self, table: str, id: UUID, values: Mapping[str, Cell]) -> None:
        with self.server.transaction() as work:
            work.update(table, id, values)

    def draft_time(self, project: str | None = "T", resource: str = "Ada", minutes: int = 480) -> UUID:
        with self.building() as builder:
            return builder.time(project, resource, minutes, DAY)

    def submitted_time(
        self, project: str | None = "T", resource: str = "Ada", minutes: int = 480, on: date = DAY
    ) -> tuple[UUID, UUID]:
        """The ids of the entry and its approval."""
        with self.building() as builder:
            done = builder.submitted_time(project, resource, minutes, on)
        return done.id, done.approval

    def submitted_expense(self, project: str = "T", category: str = "Hotel", amount: str = "120") -> tuple[UUID, UUID]:
        with self.building() as builder:
            done = builder.submitted_expense(project, "Ada", category, Decimal(amount), DAY)
        return done.id, done.approval

    def ready_actual(
        self,
        quantity: str,
        price: str,
        *,
        origins: tuple[Link, ...] = (),
        on: date = DAY,
        billing_type: int = BillingType.CHARGEABLE,
        status: int | None = BillingStatus.READY,
        **more: Cell,
    ) -> UUID:
        """An unbilled sales actual on the time and material line, as the service would have made and marked it."""
        values: dict[str, Cell] = {
            "msdyn_description": "Work",
            "msdyn_transactiontypecode": TransactionType.UNBILLED_SALES,
            "msdyn_transactionclassification": 192350000,
            "msdyn_billingtype": billing_type,
            "msdyn_billingstatus": status,
            "msdyn_documentdate": midnight(on),
            "msdyn_startdatetime": midnight(on),
            "msdyn_enddatetime": midnight(on),
            "msdyn_quantity": Decimal(quantity),
            "msdyn_price": Decimal(price),
            "msdyn_amount": Decimal(quantity) * Decimal(price),
            "msdyn_project": Link("msdyn_project", company_id("msdyn_project", "T")),
            "msdyn_salescontract": Link("salesorder", self.contract),
            "msdyn_salescontractlineid": Link("salesorderdetail", self.line),
            "msdyn_customertype": 192350001,
            "msdyn_accountcustomer": Link("account", company_id("account", "Adatum Corporation")),
            "msdyn_contractorganizationalunitid": self.unit,
            "msdyn_resourceorganizationalunitid": self.unit,
            "transactioncurrencyid": Link("transactioncurrency", self.dollar),
        }
        id = uuid4()
        with self.server.transaction("service") as work:
            work.create("msdyn_actual", {k: v for k, v in (values | more).items() if v is not None}, id)
            for origin in origins:
                originate(work, origin, Link("msdyn_actual", id))
        return id

    @property
    def unit(self) -> Link:
        return Link("msdyn_organizationalunit", company_id("msdyn_organizationalunit", "Fabrikam US"))

    def journal_lines(self, table: str, entry: UUID) -> dict[int, Row]:
        """The journal lines that came from an entry, by transaction type."""
        lines = {}
        for origin in self.find("msdyn_transactionorigin", msdyn_origin=str(entry), msdyn_origintype=table):
            if origin["msdyn_transactiontype"] == "msdyn_journalline":
                row = self.row("msdyn_journalline", UUID(str(origin["msdyn_transaction"])))
                kind = row["msdyn_transactiontypecode"]
                assert isinstance(kind, int)
                lines[kind] = row
        return lines


@pytest.fixture
def fabrikam() -> Fabrikam:
    clock = Clock()
    return Fabrikam(DataverseServer(clock, actions=ACTIONS), clock)
