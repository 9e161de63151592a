"""One entry among people, the product and workers of the service, all of whom act in any order; and what must hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from connector.dataverse.access import Dataverse
from connector.settlement import Complete
from sandbox.dataverse.product import Creation
from tests.flow.barriers import BeforeCommit
from tests.flow.ledger_checker import faults_of_entries
from tests.flow.one_entry import OneEntry
from tests.flow.test_invoices import create, mark_ready
from tests.flow.world import APPROVE, CANCEL

APPROVED, RECALL_REQUESTED = 192350002, 192350004
CONFIRMED, DRAFT_CONTRACT = 192350003, 192350000
INVOICE_DRAFT, INVOICE_CONFIRMED = 192350000, 192350002

RELEASED: dict[str, dict[str, object]] = {
    "approve": {"msdyn_billingtype": 192350001},
    "approve six": {"msdyn_salesquantity": 6, "msdyn_billingtype": 192350001},
    "approve ten": {"msdyn_salesquantity": 10, "msdyn_billingtype": 192350001},
    "approve given away": {"msdyn_salesquantity": 8, "msdyn_billingtype": 192350002},
    "approve six given away": {"msdyn_salesquantity": 6, "msdyn_billingtype": 192350002},
    "approve free": {"msdyn_salesquantity": 8, "msdyn_billingtype": 192350000},
}


REVISED: dict[str, dict[str, object]] = {
    "revise to seven": {"msdyn_salesquantity": 7},
    "revise the price": {"msdyn_salesprice": 210},
    "revise the cost": {"msdyn_costprice": 95},
}


@dataclass
class Interleaving(OneEntry):
    """The entry, what a correction journal made of it, and who creates actuals at the moment."""

    moved: str | None = None
    wrote: bool = False
    struck: dict[str, int] = field(default_factory=dict)

    def act(self, step: Any) -> None:
        """One step of somebody. What the product refuses changes nothing."""
        if isinstance(step, tuple) and step[0] == "stalled":
            self.look(BeforeCommit(self.world.client, lambda: self.act_all(step[1])))
            return
        before = self.refused
        if step in RELEASED:
            self._approve(RELEASED[step])
        elif step in REVISED:
            self._revise(REVISED[step])
        else:
            getattr(self, "_" + step.replace(" ", "_"))()
        name = step if self.refused == before else f"{step} (refused)"
        self.struck[name] = self.struck.get(name, 0) + 1

    def act_all(self, steps: Sequence[Any]) -> None:
        """Several steps."""
        for step in steps:
            self.act(step)

    def look(self, dataverse: Dataverse | None = None) -> list[str]:
        """A worker handles an event about the entry; how it ends."""
        return [
            str(end) for end in self.world.work_on(self.entry, dataverse=dataverse) if not isinstance(end, Complete)
        ]

    def finish(self) -> list[str]:
        """Answer a recall, undo open edits, let drafts go, deliver the events again, and say what is wrong then."""
        self._refuse_recall()
        self._undo_edits()
        self._delete_the_draft()
        self.look()
        ends = self.look()
        before = self._how_many_actuals()
        ends += self.look()
        books = self.world.books()
        found = faults_of_entries(books, {str(self.entry.id): self.moved} if self.moved else {})
        if self._how_many_actuals() != before:
            found.append("one more look wrote more")
        # What was changed too late to be taken back is refused by name, and the invoice stands; nothing is hidden.
        return [] if any("already-invoiced" in end for end in ends) else [*found, *ends]

    # People -------------------------------------------------------------------------------------------------------

    def _approve(self, released: dict[str, object]) -> None:
        approval = self._approval(0)
        if approval is None:
            self.refused += 1
            return
        self._try("PATCH", f"msdyn_projectapprovals({approval})", released, user="approver")
        if self._decide(approval, APPROVE):
            self.moved = None

    def _revise(self, released: dict[str, object]) -> None:
        """Figures of a standing approval are changed: an import, a flow. Not while others wrote, or on an invoice."""
        approval = self._approval(2)
        on_invoice = [row for row in self.world.books().live(str(self.entry.id)) if row.get("msdyn_billingstatus")]
        if approval is None or self.wrote or on_invoice:
            self.refused += 1
            return
        self._try("PATCH", f"msdyn_projectapprovals({approval})", released)

    def _cancel(self) -> None:
        approval = self._approval(2)
        if approval is None:
            self.refused += 1
            return
        with self._product_takes_back_its_own():
            if self._decide(approval, CANCEL):
                self.moved = None

    def _recall(self) -> None:
        name, parameter = (
            ("msdyn_TimeEntriesRecall", "TimeEntryIds")
            if self._is_time
            else ("msdyn_ExpenseEntriesRecall", "ExpenseEntryIds")
        )
        self._try("POST", name, {parameter: str(self.entry.id), "CorrelationId": str(uuid4())})

    def _accept_recall(self) -> None:
        approval = self._approval(4)
        action = f"msdyn_projectapprovals({approval})/Microsoft.Dynamics.CRM.msdyn_ApprovalStatusApprove"
        with self._product_takes_back_its_own():
            if approval and self._try("POST", action, {}, user="approver"):
                self.moved = None

    def _refuse_recall(self) -> None:
        approval = self._approval(4)
        if approval:
            action = f"msdyn_projectapprovals({approval})/Microsoft.Dynamics.CRM.msdyn_ApprovalStatusReject"
            self._try("POST", action, {}, user="approver")

    def _submit(self) -> None:
        name, parameter = (
            ("msdyn_TimeEntriesSubmit", "TimeEntryIds")
            if self._is_time
            else ("msdyn_ExpenseEntriesSubmit", "ExpenseEntryIds")
        )
        self._try("POST", name, {parameter: str(self.entry.id), "CorrelationId": str(uuid4())})

    def _edit_project(self) -> None:
        self._patch({self._project: f"/msdyn_projects({self.world.company.projects['P3']})"})

    def _edit_resource(self) -> None:
        ben = self.world.company.resources["Ben"]
        self._patch({"msdyn_bookableresource@odata.bind": f"/bookableresources({ben})"})

    def _edit_day(self) -> None:
        column = "msdyn_date" if self._is_time else "msdyn_transactiondate"
        self._patch({column: "2026-03-20T04:00:00Z"})

    def _undo_edits(self) -> None:
        """Everything about the entry is put back to what its newest approval says."""
        rows = self._approvals()
        if not rows:
            return
        row = next((row for row in rows if row["msdyn_recordstage"] in (2, 4, 6)), rows[-1])
        column = "msdyn_date" if self._is_time else "msdyn_transactiondate"
        self._patch(
            {
                self._project: f"/msdyn_projects({row['_msdyn_project_value']})",
                "msdyn_bookableresource@odata.bind": f"/bookableresources({row['_msdyn_bookableresource_value']})",
                column: row["msdyn_date"],
            }
        )

    # The product --------------------------------------------------------------------------------------------------

    @contextmanager
    def _product_takes_back_its_own(self) -> Iterator[None]:
        """What the product made of the entry by a correction it takes back too, whether or not it creates now."""
        creation = self.world.sandbox.switches.actuals
        if self.wrote:
            self.world.sandbox.switches.actuals = Creation.AT_ONCE
        yield
        self.world.sandbox.switches.actuals = creation

    def _product_creates(self) -> None:
        self.world.sandbox.switches.actuals = Creation.AT_ONCE
        self.wrote = True

    def _product_rests(self) -> None:
        self.world.sandbox.switches.actuals = Creation.NEVER

    def _move_to_academy(self) -> None:
        self._correct("P4")

    def _move_to_northwind(self) -> None:
        self._correct("P3")

    def _move_back(self) -> None:
        self._correct("P1")

    def _correct(self, project: str) -> None:
        to = str(self.world.company.projects[project])
        journal = str(uuid4())
        self._try(
            "POST",
            "msdyn_journals",
            {
                "msdyn_journalid": journal,
                "msdyn_description": "Correction",
                "msdyn_journaltype": 192350001 if self._is_time else 192350002,
                "msdyn_DefaultProject@odata.bind": f"/msdyn_projects({to})",
            },
        )
        chosen = {
            "msdyn_origin": str(self.entry.id),
            "msdyn_origintype": self.entry.table,
            "msdyn_transaction": journal,
            "msdyn_transactiontype": "msdyn_journal",
        }
        self._try("POST", "msdyn_transactionorigins", chosen)
        if self._try("POST", f"msdyn_journals({journal})/Microsoft.Dynamics.CRM.msdyn_PostJournal", {}):
            self.moved, self.wrote = to, True

    def _confirm_contract(self) -> None:
        """The product makes the contract's actuals anew, whether or not it makes those of approvals."""
        creation = self.world.sandbox.switches.actuals
        self.world.sandbox.switches.actuals, self.wrote = Creation.AT_ONCE, True
        before = self._how_many_actuals()
        contract = f"salesorders({self.world.company.contracts['C1']})"
        self._try("PATCH", contract, {"msdyn_psastatusreason": DRAFT_CONTRACT})
        self._try("PATCH", contract, {"msdyn_psastatusreason": CONFIRMED})
        self.world.sandbox.switches.actuals = creation
        if self._how_many_actuals() != before:
            # Price and chargeability were worked out anew, as after a correction that moves nothing.
            self.moved = self.moved or str(self.world.company.projects["P1"])

    # Billing ------------------------------------------------------------------------------------------------------

    def _ready(self) -> None:
        self.world.command(mark_ready(self.world))

    def _invoice(self) -> None:
        self.world.command(create(self.world))

    def _bill(self) -> None:
        self.act_all(["look", "ready", "invoice", "post"])

    def _post(self) -> None:
        self._on_invoice(INVOICE_DRAFT, "msdyn_PostInvoice")

    def _credit(self) -> None:
        if self._on_invoice(INVOICE_CONFIRMED, "msdyn_CorrectInvoice"):
            self._on_invoice(INVOICE_DRAFT, "msdyn_PostInvoice")

    def _delete_the_draft(self) -> None:
        for invoice in self._invoices(INVOICE_DRAFT):
            self._try("DELETE", f"invoices({invoice})")

    # The service --------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self.look()

    def _look_unanswered(self) -> None:
        self.world.lose_the_next_answer()
        self.look()
