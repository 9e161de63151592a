"""What flow tests do to the sandbox: approve, cancel and look, over HTTP, as people and as the service."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import requests

from connector.auth import StaticToken
from connector.dataverse.access import Dataverse
from connector.dataverse.client import DataverseClient
from connector.envelope import Envelope
from connector.recoverability import Policy
from connector.settlement import Settlement
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.fixed_point import FixedPoint
from handlers.invoicing import InvoicingHandler
from handlers.parsing import parse_command
from handlers.pipeline import Pipeline
from handlers.readiness import ReadinessHandler
from handlers.seldom_changed import SeldomChanged
from mappings import keys
from mappings.messages import CreateInvoices, EntryChanged, MarkReady
from mappings.tables import Ref
from sandbox.company.company import Company, LoadedEntry, company
from sandbox.faults import Rule
from sandbox.world import Sandbox
from tests.flow.ledger_checker import Books, faults, invoiced

APPROVE, CANCEL = 192350003, 192350004
ZONE = ZoneInfo("America/New_York")
EIGHT = Decimal(8)


class World:
    """A running sandbox with the demo company, and the service's parts put together over it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.company: Company = company()
        self._lost: list[Rule] = []
        self.client = self.signed_in("service")
        # All workers of the tests are threads of one service: they share what it read in the last minute.
        self._seldom_changed = SeldomChanged(self.client.far_now)
        self.mission = Mission(
            ActualsHandler(start_from=date(2026, 1, 1), zone=ZONE),
            ReadinessHandler(ZONE),
            InvoicingHandler(self.now, ZONE),
        )

    def now(self) -> datetime:
        return self.sandbox.clock.now()

    def signed_in(self, user: str) -> DataverseClient:
        token = StaticToken(self.sandbox.tokens[user])
        return DataverseClient(self.sandbox.dataverse, token, tag="psa-connector")

    # What people do -------------------------------------------------------------------------------------------------

    def approve(self, *entries: LoadedEntry) -> None:
        self._decide(entries, APPROVE)

    def cancel(self, *entries: LoadedEntry) -> None:
        self._decide(entries, CANCEL)

    def release(self, entry: LoadedEntry, **columns: object) -> None:
        """The approver changes figures on the approval row."""
        self.http("PATCH", f"msdyn_projectapprovals({entry.approval})", columns, user="approver")

    def _decide(self, entries: Sequence[LoadedEntry], action: int) -> None:
        approvals = [
            {"@odata.type": "Microsoft.Dynamics.CRM.msdyn_projectapproval", "msdyn_projectapprovalid": str(e.approval)}
            for e in entries
        ]
        body = {"ProjectApprovals": approvals, "ActionType": action, "NoteLogName": "flow"}
        self.http("POST", "msdyn_ProcessProjectApprovalSets", body, user="approver")

    def http(
        self, method: str, path: str, body: object = None, user: str = "administrator", **headers: str
    ) -> requests.Response:
        answer = requests.request(
            method,
            f"{self.sandbox.dataverse}/api/data/v9.2/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.sandbox.tokens[user]}", **headers},
            timeout=30,
        )
        assert answer.status_code < 400, answer.text
        return answer

    # What the service does ------------------------------------------------------------------------------------------

    def work_on(self, *entries: LoadedEntry, dataverse: Dataverse | None = None) -> list[Settlement]:
        """Handle one event about each entry, as a worker of its own process would; say how the messages end."""
        pipeline = self.pipeline(dataverse)
        return pipeline.process([event_about(entry) for entry in entries])

    def pipeline(self, dataverse: Dataverse | None = None) -> Pipeline:
        through = dataverse or self.client
        point = FixedPoint(through, seldom_changed=self._seldom_changed)
        return Pipeline(through, self.mission, _parse, Policy(), self.now, point)

    def command(self, command: MarkReady | CreateInvoices, dataverse: Dataverse | None = None) -> list[Settlement]:
        """Handle one delivery of a command."""
        through = dataverse or self.client
        pipeline = Pipeline(through, self.mission, parse_command, Policy(), self.now, FixedPoint(through))
        body = command.model_dump_json().encode()
        return pipeline.process([Envelope(str(uuid4()), body, "application/json", queue="commands")])

    # What goes wrong ------------------------------------------------------------------------------------------------

    def lose_the_next_answer(self) -> None:
        """The next batch is carried out and committed, and then the connection is cut."""
        self._lost.append(self.sandbox.faults.lose_reply(times=1, path=r"\$batch"))

    def make_the_action_racy(self) -> None:
        """Two calls of the product's action at once both see what is ready, as a double click does in life."""
        self.sandbox.switches.invoice_race = timedelta(minutes=1)

    def write_foreign_cost(self, entry: LoadedEntry, quantity: Decimal = EIGHT) -> None:
        """Somebody else writes eight hours' cost of an entry, under an id of its own, and ties it to the entry."""
        self._write_foreign(entry, 192350000, 100, quantity)

    def write_foreign_sales(
        self,
        entry: LoadedEntry,
        contract: str,
        customer: str | None = None,
        quantity: Decimal = EIGHT,
        price: int = 200,
    ) -> None:
        """Somebody else writes eight hours' chargeable sales of an entry, complete enough to be invoiced.

        To the contract's customer, unless another account is named.
        """
        lines = {
            "msdyn_billingtype": 192350001,
            "msdyn_customertype": 192350001,
            "msdyn_AccountCustomer@odata.bind": f"/accounts({customer or self._customer(contract)})",
            "msdyn_SalesContract@odata.bind": f"/salesorders({self.company.contracts[contract]})",
            "msdyn_SalesContractLineId@odata.bind": (
                f"/salesorderdetails({self.company.contract_lines[entry.project or '']})"
            ),
        }
        self._write_foreign(entry, 192350005, price, quantity, **lines)

    def _customer(self, contract: str) -> str:
        row = self.http("GET", f"salesorders({self.company.contracts[contract]})").json()
        return str(row["_customerid_value"])

    def _write_foreign(self, entry: LoadedEntry, kind: int, price: int, quantity: Decimal, **more: object) -> None:
        actual = str(uuid4())
        day = f"{entry.day.isoformat()}T05:00:00Z"
        row = {
            "msdyn_actualid": actual,
            "msdyn_transactiontypecode": kind,
            "msdyn_transactionclassification": 192350000,
            "msdyn_quantity": float(quantity),
            "msdyn_price": price,
            "msdyn_amount": float(quantity * price),
            "msdyn_documentdate": day,
            "msdyn_startdatetime": day,
            "msdyn_enddatetime": day,
            "msdyn_Project@odata.bind": f"/msdyn_projects({self.company.projects[entry.project or '']})",
        }
        origin = {
            "msdyn_origin": str(entry.id),
            "msdyn_origintype": entry.table,
            "msdyn_transaction": actual,
            "msdyn_transactiontype": "msdyn_actual",
        }
        self.http("POST", "msdyn_actuals", row | more)
        self.http("POST", "msdyn_transactionorigins", origin)

    def until(self, holds: Callable[[], bool]) -> None:
        """Return once it holds; every look is a round of requests, which is what passes the time."""
        for _ in range(200):
            if holds():
                return
        raise AssertionError("it never came to hold")

    @property
    def lost_answers(self) -> int:
        """How often that really struck."""
        return sum(rule.struck for rule in self._lost)

    # What the books say ---------------------------------------------------------------------------------------------

    def books(self) -> Books:
        return Books.read(self.sandbox.dataverse, self.sandbox.tokens["administrator"])

    def faults(self) -> list[str]:
        return faults(self.books())

    def live(self, entry: LoadedEntry) -> list[tuple[int, Decimal]]:
        """(transaction type, quantity) of the entry's live actuals."""
        rows = self.books().live(str(entry.id))
        return sorted((int(str(a["msdyn_transactiontypecode"])), Decimal(str(a["msdyn_quantity"]))) for a in rows)

    def attempt(self, command: CreateInvoices) -> Any:
        """The outcome recorded for a command to invoice."""
        return self._outcome(keys.attempt_id(command.contract, command.command))

    def record(self, command: MarkReady) -> Any:
        """The outcome recorded for a command to mark."""
        return self._outcome(keys.command_row_id(command.command))

    def _outcome(self, id: UUID) -> Any:
        return json.loads(self.http("GET", f"psac_commands({id})").json()["psac_outcome"])

    def invoiced(self, contract: str) -> tuple[int, Decimal]:
        return invoiced(self.books(), str(self.company.contracts[contract]))

    def time(self, project: str, resource: str, number: int = 0) -> LoadedEntry:
        """An ordinary time entry of the company: the n-th one of this resource on this project."""
        plain = [
            entry
            for entry in self.company.of_project(project)
            if entry.resource == resource and entry.decision is None and entry.table == "msdyn_timeentry"
        ]
        return plain[number]


def event_about(entry: LoadedEntry) -> Envelope:
    """A stand-in for a message off the bus, as the pipeline below reads it: only table and id count."""
    hint = EntryChanged.model_validate({"table": entry.table, "id": entry.id})
    return Envelope(str(uuid4()), hint.model_dump_json().encode(), "application/json", enqueued_at=datetime.now(UTC))


def _parse(envelope: Envelope) -> EntryChanged:
    return EntryChanged.model_validate_json(envelope.body)


def ref(entry: LoadedEntry) -> Ref:
    return Ref(entry.table, entry.id)


def new_id() -> UUID:
    return uuid4()
