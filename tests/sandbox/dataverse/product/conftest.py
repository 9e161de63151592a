"""A small Fabrikam: one contract with a time and material line, a fixed price line and a product; no entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from sandbox.clock import Clock
from sandbox.company import Builder
from sandbox.company.loader import masters
from sandbox.company.names import company_id
from sandbox.dataverse.product import Background, Creation, Switches, actions, before_delete, guards
from sandbox.dataverse.product.business_dates import midnight
from sandbox.dataverse.product.choices import BillingMethod, BillingStatus, BillingType, TransactionType
from sandbox.dataverse.product.traces import originate
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.server import DataverseServer
from sandbox.dataverse.unit_of_work import Cell, Link, Row

DAY = date(2026, 2, 10)


class ClockFrom(Clock):
    """A clock that stands still, on a day of one's choice, until it is advanced."""

    def __init__(self, start: datetime) -> None:
        super().__init__()
        self._start = start

    def now(self) -> datetime:
        return self._start

    def advance(self, by: timedelta) -> None:
        self._start += by
        super().advance(by)


class Fabrikam:
    """The world of these tests, and the few things they do to it."""

    day = DAY

    def __init__(self, switches: Switches | None = None, clock: Clock | None = None) -> None:
        self.switches = switches or Switches()
        self.clock = clock or Clock()
        bindings = actions(self.switches)
        self.server = DataverseServer(self.clock, actions=bindings)
        self.server.organisation.before_delete.update(before_delete(self.switches))
        self.server.organisation.before_write.update(guards(self.switches))
        self.background = Background(self.server.transaction, self.clock, self.switches)
        self._run = {action.name: action.run for action in bindings}
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
            return self._run[name](work, bound, parameters)

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

    def actuals(self, kind: int | None = None) -> list[Row]:
        """All actuals, or those of one transaction type, cost before sales, and as they were made."""
        rows = [row for row in self.find("msdyn_actual") if kind in (None, row["msdyn_transactiontypecode"])]
        return sorted(rows, key=lambda row: str(row["msdyn_transactiontypecode"]))

    def ledger(self) -> list[tuple[int, int, int | Decimal, int | Decimal]]:
        """Type, billing type, quantity and amount of every actual."""
        return [_in_short(row) for row in self.actuals()]

    def ready_all(self) -> None:
        """Mark every open unbilled sale."""
        for row in self.actuals(TransactionType.UNBILLED_SALES):
            id = row["msdyn_actualid"]
            if row["msdyn_billingstatus"] is None and row["msdyn_adjustmentstatus"] is None and isinstance(id, UUID):
                self.update("msdyn_actual", id, {"msdyn_billingstatus": BillingStatus.READY})

    def invoice(self) -> UUID:
        """Create the contract's invoice."""
        made = self.call("msdyn_NewInvoiceContract", self.contract, user="clerk")
        assert made is not None
        return made.id

    def recall(self, kind: str, entry: UUID) -> None:
        """Ask for an entry back."""
        if kind == "time":
            self.call("msdyn_TimeEntriesRecall", TimeEntryIds=str(entry))
        else:
            self.call("msdyn_ExpenseEntriesRecall", ExpenseEntryIds=str(entry))

    def confirm(self, invoice: UUID) -> None:
        """Confirm an invoice."""
        self.call("msdyn_PostInvoice", invoice, user="clerk")

    def details(self, invoice: UUID) -> list[Row]:
        """The details of an invoice."""
        return self.find("msdyn_invoicelinetransaction", msdyn_invoice=Link("invoice", invoice))

    def change_quantity(self, invoice: UUID, quantity: str) -> None:
        """Give the invoice's only detail another quantity, as a clerk does on a draft."""
        (detail,) = self.details(invoice)
        id = detail["msdyn_invoicelinetransactionid"]
        assert isinstance(id, UUID)
        self.update("msdyn_invoicelinetransaction", id, {"msdyn_quantity": Decimal(quantity)})

    def correction_of(self, invoice: UUID) -> UUID:
        """Draft the corrective invoice."""
        made = self.call("msdyn_CorrectInvoice", invoice, user="clerk")
        assert made is not None
        return made.id

    def wait(self, by: timedelta) -> None:
        """Let time pass, and the product's background jobs run."""
        self.clock.advance(by)
        self.background.run_due()

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


def _in_short(row: Row) -> tuple[int, int, int | Decimal, int | Decimal]:
    kind, billing_type = row["msdyn_transactiontypecode"], row["msdyn_billingtype"]
    quantity, amount = row["msdyn_quantity"], row["msdyn_amount"]
    assert isinstance(kind, int)
    assert isinstance(billing_type, int)
    assert isinstance(quantity, Decimal)
    assert isinstance(amount, Decimal)
    return kind, billing_type, quantity, amount


@pytest.fixture
def fabrikam() -> Fabrikam:
    return Fabrikam()


@pytest.fixture
def product() -> Fabrikam:
    """The same where approval makes the product create the actuals."""
    return Fabrikam(Switches(actuals=Creation.AT_ONCE))
