"""Fabrikam in the memory of a fake Dataverse: people submit, approve and cancel; the product invoices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Dataverse
from connector.dataverse.changes import Reference
from connector.errors import Rejected
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint, Outcome, Settled
from handlers.invoicing import ACTION, InvoicingHandler
from handlers.readiness import ReadinessHandler
from handlers.rows import reference
from mappings.acting import AS_SIGNED_IN
from mappings.tables import Ref
from tests.handlers.fake_dataverse import Cells, FakeDataverse, Rows
from tests.handlers.invoice_drawn_up import draw_up

ZONE = ZoneInfo("America/New_York")
GO_LIVE = date(2026, 1, 1)
DAY = datetime(2026, 2, 10, 5, tzinfo=UTC)
APPROVED_ON = datetime(2026, 2, 12, 15, tzinfo=UTC)
COST, UNBILLED, READY = 192350000, 192350005, 192350004
CHARGEABLE, NON_CHARGEABLE, COMPLIMENTARY = 192350001, 192350000, 192350002
DRAFT, SUBMITTED, APPROVED = 192350000, 192350003, 192350002


def new(table: str, number: int) -> Reference:
    """A row of the world, named by a number."""
    return Reference(table, UUID(int=number, version=4))


USD, EUR = new("transactioncurrency", 1), new("transactioncurrency", 2)
UNIT, INDIA = new("msdyn_organizationalunit", 3), new("msdyn_organizationalunit", 4)
CUSTOMER, OTHER_CUSTOMER = new("account", 5), new("account", 6)
CONTRACT, LINE = new("salesorder", 7), new("salesorderdetail", 8)
PROJECT, INTERNAL = new("msdyn_project", 9), new("msdyn_project", 10)
ROLE, RESOURCE = new("bookableresourcecategory", 11), new("bookableresource", 12)
MANAGER = new("systemuser", 13)


class World:
    """The company, what people do in it, and what stands in its books."""

    def __init__(self) -> None:
        self.dataverse = FakeDataverse()
        self.rules = ActualsHandler(GO_LIVE, ZONE)
        self.acting = AS_SIGNED_IN
        self.dataverse.actions[ACTION] = self._invoice
        self._numbers = 1000
        put = self.dataverse.put
        put(USD, isocurrencycode="USD", currencyprecision=2, exchangerate=Decimal(1))
        put(EUR, isocurrencycode="EUR", currencyprecision=2, exchangerate=Decimal("0.94"))
        put(UNIT, msdyn_currency=USD)
        put(CUSTOMER, name="Adatum")
        put(CONTRACT, name="Adatum 2026", customerid=CUSTOMER, transactioncurrencyid=USD, msdyn_ordertype=192350001)
        put(LINE, **self.line_of(PROJECT, CONTRACT))
        put(PROJECT, ownerid=MANAGER, msdyn_contractorganizationalunitid=UNIT, msdyn_salesorderid=CONTRACT)
        put(INTERNAL, ownerid=MANAGER, msdyn_contractorganizationalunitid=UNIT)

    @staticmethod
    def line_of(project: Reference, contract: Reference, **changes: Any) -> Cells:
        """A time-and-material line for time and expenses."""
        return {
            "salesorderdetailname": "Implementation",
            "salesorderid": contract,
            "msdyn_project": project,
            "msdyn_billingmethod": 192350000,
            "producttypecode": 5,
            "msdyn_includetime": True,
            "msdyn_includeexpense": True,
        } | changes

    def fresh(self, table: str) -> Reference:
        """A row that is not there yet."""
        self._numbers += 1
        return new(table, self._numbers)

    # What people do.

    def submit(self, minutes: int = 480, **changes: Any) -> Ref:
        """Submit a time entry with its approval, 100 cost and 200 sales an hour."""
        entry, approval = self.fresh("msdyn_timeentry"), self.fresh("msdyn_projectapproval")
        values = {
            "msdyn_entrystatus": SUBMITTED,
            "msdyn_type": 192350000,
            "msdyn_project": PROJECT,
            "msdyn_resourcecategory": ROLE,
            "msdyn_bookableresource": RESOURCE,
            "msdyn_resourceorganizationalunitid": UNIT,
            "msdyn_duration": minutes,
            "msdyn_date": DAY,
            "msdyn_description": "Design review",
        }
        self.dataverse.put(entry, **(values | changes))
        hours = (Decimal(minutes) / 60).quantize(Decimal("0.01"))
        self.dataverse.put(
            approval,
            msdyn_recordstage=0,
            msdyn_timeentry=entry,
            msdyn_costquantity=hours,
            msdyn_salesquantity=hours,
            msdyn_costprice=Decimal(100),
            msdyn_salesprice=Decimal(200),
            msdyn_billingtype=CHARGEABLE,
            transactioncurrencyid=USD,
        )
        return Ref(entry.table, entry.id)

    def approval_of(self, entry: Ref) -> Reference:
        """The entry's approval."""
        approvals = self.dataverse.rows.of("msdyn_projectapproval")
        return next(row for row, cells in approvals.items() if cells["msdyn_timeentry"] == reference(entry))

    def approve(self, entry: Ref, **changes: Any) -> None:
        """Approve; the approver may change the approval's columns first."""
        submitted = self.dataverse.get(reference(entry))
        released = {"msdyn_recordstage": 2, "msdyn_approvedon": APPROVED_ON} | {
            column: submitted[column] for column in ("msdyn_project", "msdyn_bookableresource")
        }
        self.dataverse.put(self.approval_of(entry), **(released | changes))
        self.dataverse.put(reference(entry), msdyn_entrystatus=APPROVED)

    def cancel(self, entry: Ref) -> None:
        """Cancel the approval: both back to submitted."""
        self.dataverse.put(self.approval_of(entry), msdyn_recordstage=0, msdyn_approvedon=None)
        self.dataverse.put(reference(entry), msdyn_entrystatus=SUBMITTED)

    def approved(self, minutes: int = 480, **changes: Any) -> Ref:
        """Submit and approve."""
        entry = self.submit(minutes, **changes)
        self.approve(entry)
        return entry

    # What the service does.

    def settle(self, *entries: Ref, through: Dataverse | None = None) -> list[Outcome]:
        """One worker of the service handles these entries."""
        fixed_point = FixedPoint(through or self.dataverse)
        outcomes = fixed_point.settle(self.rules, list(entries))
        return [outcomes[entry] for entry in entries]

    def settled(self, entry: Ref, through: Dataverse | None = None) -> Settled:
        """One worker handles one entry and comes to rest."""
        (outcome,) = self.settle(entry, through=through)
        assert isinstance(outcome, Settled), outcome
        return outcome

    def command(self, *commands: Any, through: Dataverse | None = None) -> list[Outcome]:
        """One worker handles commands of one kind."""
        handler: Any = ReadinessHandler(ZONE, self.acting)
        if commands[0].kind == "create-invoices":
            handler = InvoicingHandler(lambda: self.dataverse.rows.now, ZONE, self.acting)
        outcomes = FixedPoint(through or self.dataverse).settle(handler, list(commands))
        return [outcomes[command] for command in commands]

    # What stands in the books.

    def actuals(self, entry: Ref | None = None) -> dict[Reference, Cells]:
        """The actuals that come from an entry, by its origins; or all."""
        actuals = self.dataverse.rows.of("msdyn_actual")
        if entry is None:
            return actuals
        origins = self.dataverse.rows.of("msdyn_transactionorigin").values()
        ids = {UUID(cells["msdyn_transaction"]) for cells in origins if cells["msdyn_origin"] == str(entry.id)}
        return {row: cells for row, cells in actuals.items() if row.id in ids}

    def live(self, entry: Ref) -> list[tuple[int, int, str, str]]:
        """What counts: transaction type, billing type, quantity and amount of every row nobody took back."""
        return sorted(
            (
                cells["msdyn_transactiontypecode"],
                cells["msdyn_billingtype"],
                str(cells["msdyn_quantity"]),
                str(cells["msdyn_amount"]),
            )
            for cells in self.actuals(entry).values()
            if cells.get("msdyn_adjustmentstatus") is None
        )

    def net(self, entry: Ref, kind: int) -> Decimal:
        """What an entry comes to on one side, everything counted."""
        rows = self.actuals(entry).values()
        return sum((c["msdyn_amount"] for c in rows if c["msdyn_transactiontypecode"] == kind), Decimal(0))

    # What the product does.

    def _invoice(self, rows: Rows, contract: Reference) -> Reference:
        taken = [*self._ready(rows, "msdyn_actual", "msdyn_salescontract", "msdyn_billingstatus", READY, contract)]
        others = [
            *self._ready(rows, "salesorderdetail", "salesorderid", "msdyn_billingstatus", READY, contract),
            *self._ready(
                rows, "msdyn_contractlinescheduleofvalue", "msdyn_contract", "msdyn_invoicestatus", 192350001, contract
            ),
        ]
        if not taken and not others:
            raise Rejected("0x80040265", "There are no past dated transactions to invoice for this project contract.")
        invoice = self.fresh("invoice")
        number = f"INV-{len(rows.of('invoice')) + 1:05d}"
        rows.put(invoice, {"salesorderid": contract, "invoicenumber": number, "name": "Adatum 2026"})
        draw_up(rows, invoice, contract, [*taken, *others], self.fresh)
        return invoice

    @staticmethod
    def _ready(
        rows: Rows, table: str, to_contract: str, status: str, ready: int, contract: Reference
    ) -> Sequence[Reference]:
        def due(cells: Cells) -> bool:
            start = cells.get("msdyn_startdatetime") or cells.get("msdyn_invoicedate")
            return start is None or start.astimezone(ZONE).date() <= rows.now.astimezone(ZONE).date()

        def belongs(cells: Cells) -> bool:
            line = cells.get("msdyn_contractlineid")
            return (cells.get(to_contract) or (line and rows.cells[line]["salesorderid"])) == contract

        return [row for row, c in rows.of(table).items() if belongs(c) and c.get(status) == ready and due(c)]

    def invoice_by_hand(self, contract: Reference = CONTRACT, user: Reference = MANAGER) -> None:
        """A colleague clicks Create Invoice."""
        rows = self.dataverse.rows
        service, rows.user = rows.user, user
        self._invoice(rows, contract)
        rows.user = service

    def invoices(self) -> dict[Reference, Cells]:
        """All invoices."""
        return self.dataverse.rows.of("invoice")
