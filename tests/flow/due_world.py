"""A contract with two time-and-material lines and a fixed-price one, their schedules, and a clock moved by days."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from connector.dataverse.access import Dataverse
from connector.envelope import Envelope
from connector.recoverability import Policy
from connector.settlement import Settlement
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint, Outcome
from handlers.invoicing import InvoicingHandler
from handlers.parsing import parse_command
from handlers.pipeline import Pipeline
from handlers.readiness import ReadinessHandler
from mappings.ceiling import Ceiling
from mappings.messages import CreateDueInvoices
from sandbox.company import Builder
from sandbox.company.names import company_id
from sandbox.dataverse.product.business_dates import Zone
from sandbox.dataverse.product.choices import BillingMethod
from sandbox.dataverse.seed import USERS, seed_id
from sandbox.world import Sandbox
from tests.flow.world import World
from tests.sandbox.dataverse.product.conftest import ClockFrom

NOT_RUN, SUCCESSFUL, FAILED = 192350000, 192350001, 192350002
SCHEDULES, MILESTONES = "msdyn_contractlineinvoiceschedules", "msdyn_contractlinescheduleofvalues"


def still(day: date, at: time = time(20), zone: Zone = Zone.NEW_YORK) -> Sandbox:
    """A sandbox whose clock stands at a local time of a day until it is moved."""
    sandbox = Sandbox(clock=ClockFrom(datetime.combine(day, at, ZoneInfo(zone.value)).astimezone(UTC)))
    sandbox.switches.zone = zone
    return sandbox


class DueWorld(World):
    """The contract is K; its lines are ``time``, ``expenses`` and ``fixed``."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.zone = ZoneInfo(sandbox.switches.zone.value)
        self.ceiling: Ceiling | None = None
        with self.building() as builder:
            (dollar,) = builder.work.find("transactioncurrency", isocurrencycode="USD")
            self.dollar = UUID(str(dollar["transactioncurrencyid"]))
            self.contract = builder.contract("K", "Adatum", "Adatum Corporation", self.dollar, "Adatum 2026")
            for project in ("T", "F"):
                builder.project(project, f"Project {project}", self.dollar)
            self.time_line = builder.project_line("T", "K", self.dollar, expense=False)
            self.expenses = builder.project_line("T", "K", self.dollar, time=False, key="T expenses")
            fixed = BillingMethod.FIXED_PRICE
            self.fixed = builder.project_line("F", "K", self.dollar, billing_method=fixed, amount=Decimal(17000))
        self.compose()

    def compose(self) -> None:
        """Put the service together anew, as it would be set up now."""
        self.mission = Mission(
            ActualsHandler(start_from=date(2020, 1, 1), zone=self.zone),
            ReadinessHandler(self.zone, ceiling=self.ceiling),
            InvoicingHandler(self.now, self.zone),
        )

    @contextmanager
    def building(self) -> Iterator[Builder]:
        with self.sandbox.web.transaction("administrator") as work:
            yield Builder(work, USERS["approver"])

    # What administrators and clerks do ------------------------------------------------------------------------------

    def midnight(self, day: date) -> str:
        return datetime.combine(day, time(), self.zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def scheduled(self, line: UUID, day: date, milestone: UUID | None = None, cut_off: date | None = None) -> UUID:
        id = uuid4()
        row: dict[str, object] = {
            "msdyn_contractlineinvoicescheduleid": str(id),
            "msdyn_name": day.isoformat(),
            "msdyn_ContractLineId@odata.bind": f"/salesorderdetails({line})",
            "msdyn_invoicerundate": self.midnight(day),
            "msdyn_transactioncutoffdate": self.midnight(cut_off or day - timedelta(days=1)),
            "msdyn_invoicerunstatus": NOT_RUN,
        }
        if milestone is not None:
            row["msdyn_ContractLineScheduleOfValue@odata.bind"] = f"/{MILESTONES}({milestone})"
        self.http("POST", SCHEDULES, row)
        return id

    def milestone(self, name: str, amount: int, day: date, ready: bool = True) -> UUID:
        with self.building() as builder:
            id = builder.milestone("F", "K", name, Decimal(amount), day, self.dollar)
        values = {"msdyn_invoicestatus": 192350001 if ready else 192350000, "msdyn_invoicedate": self.midnight(day)}
        self.http("PATCH", f"{MILESTONES}({id})", values)
        return id

    def ready(self, amount: int, day: date, line: UUID | None = None) -> UUID:
        """An unbilled sales actual, chargeable and marked ready."""
        id, dated = uuid4(), self.midnight(day)
        row = {
            "msdyn_actualid": str(id),
            "msdyn_transactiontypecode": 192350005,
            "msdyn_transactionclassification": 192350000,
            "msdyn_billingtype": 192350001,
            "msdyn_billingstatus": 192350004,
            "msdyn_quantity": 1,
            "msdyn_price": amount,
            "msdyn_amount": amount,
            "msdyn_documentdate": dated,
            "msdyn_startdatetime": dated,
            "msdyn_enddatetime": dated,
            "msdyn_customertype": 192350001,
            "msdyn_AccountCustomer@odata.bind": f"/accounts({company_id('account', 'Adatum Corporation')})",
            "msdyn_SalesContract@odata.bind": f"/salesorders({self.contract})",
            "msdyn_SalesContractLineId@odata.bind": f"/salesorderdetails({line or self.time_line})",
            "msdyn_Project@odata.bind": f"/msdyn_projects({company_id('msdyn_project', 'T')})",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({self.dollar})",
        }
        self.http("POST", "msdyn_actuals", row)
        return id

    def wait(self, days: float = 1) -> None:
        self.sandbox.clock.advance(timedelta(days=days))

    def native_job(self, active: bool = True) -> None:
        self.http("POST", "msdyn_batchjobs", {"msdyn_name": "Nightly: Create Invoices", "msdyn_isactive": active})

    def lose_the_action(self) -> None:
        with self.sandbox.web.transaction("administrator") as work:
            work.delete("sdkmessage", seed_id("sdkmessage/msdyn_createinvoicefrominvoiceschedule"))

    def make_the_action_racy(self) -> None:
        """Two calls at once both see what is ready, and the rows as not run yet."""
        self.sandbox.switches.schedule_race = timedelta(minutes=1)

    # What the service does ------------------------------------------------------------------------------------------

    def sweep(self, dataverse: Dataverse | None = None, **more: Any) -> Outcome:
        """One sweep under a command of its own."""
        command = CreateDueInvoices.model_validate({"command": uuid4(), "requested_by": "clerk"} | more)
        return self.mission.settle([command], FixedPoint(dataverse or self.client))[command]

    def message(self, command: CreateDueInvoices, dataverse: Dataverse | None = None) -> Settlement:
        """One delivery of the command's message."""
        through = dataverse or self.client
        pipeline = Pipeline(through, self.mission, parse_command, Policy(), self.now, FixedPoint(through))
        body = command.model_dump_json().encode()
        (end,) = pipeline.process([Envelope(str(uuid4()), body, "application/json", queue="commands")])
        return end

    # What the books say ---------------------------------------------------------------------------------------------

    def invoices(self) -> list[tuple[Decimal, int]]:
        """Total and number of lines of each of the contract's invoices, in the order they were made."""
        of_contract = f"$filter=_salesorderid_value eq {self.contract}&$orderby=createdon,invoicenumber"
        made = self.http("GET", f"invoices?{of_contract}").json()["value"]
        lines = self.http("GET", "invoicedetails?$select=_invoiceid_value").json()["value"]
        return [
            (
                Decimal(str(one["totalamount"])),
                sum(line["_invoiceid_value"] == one["invoiceid"] for line in lines),
            )
            for one in made
        ]

    def row(self, id: UUID) -> tuple[int, bool]:
        """A schedule row's run status, and whether it names an invoice."""
        row = self.http("GET", f"{SCHEDULES}({id})").json()
        return row["msdyn_invoicerunstatus"], row["_msdyn_invoice_value"] is not None
