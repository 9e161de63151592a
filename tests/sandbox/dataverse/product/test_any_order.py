"""Whatever is done to an entry, in whatever order: what stands in the ledger is what the last state says, once."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sandbox.company.names import company_id
from sandbox.dataverse.product import Creation, Environment, Released, Replacements, Switches
from sandbox.dataverse.product.choices import ContractState, InvoiceStatus, JournalType, Stage, TransactionType
from sandbox.dataverse.product.traces import originate
from sandbox.dataverse.seed import USERS
from sandbox.dataverse.unit_of_work import Link, Refused, Row
from tests.sandbox.dataverse.product.conftest import Fabrikam

APPROVAL, CANCEL = "msdyn_projectapproval", 192350004
ACTS = (
    "approve",
    "cancel",
    "recall",
    "to T",
    "to F",
    "confirm contract",
    "ready",
    "invoice",
    "post",
    "credit",
    "delete",
    "bill",
)


class Hours:
    """One entry of eight hours, and what can be done to it; what is refused changes nothing."""

    def __init__(self, switches: Switches) -> None:
        self.world = Fabrikam(switches)
        self.entry, self.approval = self.world.submitted_time()

    def do(self, act: str) -> None:
        if act == "bill":
            for part in ("ready", "invoice", "post"):
                self.do(part)
            return
        world, before = self.world, self._all()
        try:
            self._do(act)
        except Refused:
            assert self._all() == before
        assert world.find("msdyn_actual", msdyn_quantity=None) == []

    def check(self) -> None:
        """Cost once while approved, no sales but what it says, and every reversal beside its original."""
        row = self.world.row(APPROVAL, self.approval)
        approved = row["msdyn_recordstage"] in (Stage.APPROVED, Stage.RECALL_REQUESTED)
        totals: dict[int, Decimal] = dict.fromkeys((192350000, 192350005, 192350006), Decimal(0))
        for kind, _, quantity, _ in self.world.ledger():
            totals[kind] += quantity
        assert totals[TransactionType.COST] == (8 if approved else 0)
        on_project = self._project() == "T"
        sales = totals[TransactionType.UNBILLED_SALES] + totals[TransactionType.BILLED_SALES]
        assert sales == (8 if approved and on_project else 0)
        adjusted = [row for row in self.world.actuals() if row["msdyn_adjustmentstatus"] is not None]
        assert sum(amount for row in adjusted if isinstance(amount := row["msdyn_amount"], Decimal)) == self._posted()

    def _posted(self) -> Decimal:
        """Reversals of posted unbilled sales, whose originals are posted and not adjusted in the older product."""
        posted = [
            row["msdyn_amount"]
            for row in self.world.actuals(TransactionType.UNBILLED_SALES)
            if row["msdyn_adjustmentstatus"] is None and row["msdyn_invoice"] is not None
        ]
        return -sum((amount for amount in posted if isinstance(amount, Decimal)), Decimal(0))

    def _project(self) -> str:
        costs = self.world.actuals(TransactionType.COST)
        on_t = Link("msdyn_project", company_id("msdyn_project", "T"))
        live = [row for row in costs if row["msdyn_adjustmentstatus"] is None]
        return "T" if not live or live[-1]["msdyn_project"] == on_t else "F"

    def _do(self, act: str) -> None:
        world = self.world
        if act == "approve":
            world.call("msdyn_ApprovalStatusApprove", self.approval)
        elif act == "cancel":
            members = [{"msdyn_projectapprovalid": str(self.approval)}]
            world.call("msdyn_ProcessProjectApprovalSets", ActionType=CANCEL, ProjectApprovals=members)
        elif act == "recall" and world.row(APPROVAL, self.approval)["msdyn_recordstage"] == Stage.APPROVED:
            world.recall("time", self.entry)
            world.call("msdyn_ApprovalStatusReject", self.approval)
        elif act in ("to T", "to F"):
            self._correct(act[-1])
        elif act == "confirm contract":
            world.update("salesorder", world.contract, {"msdyn_psastatusreason": ContractState.DRAFT})
            with world.server.organisation.transaction(USERS["clerk"]) as work:
                work.update("salesorder", world.contract, {"msdyn_psastatusreason": ContractState.REASON_CONFIRMED})
        elif act == "ready":
            world.ready_all()
        elif act == "invoice":
            world.invoice()
        else:
            self._on_invoice(act)

    def _correct(self, project: str) -> None:
        to = Link("msdyn_project", company_id("msdyn_project", project))
        values: Row = {"msdyn_journaltype": JournalType.TIME_CORRECTION, "msdyn_defaultproject": to}
        with self.world.server.transaction() as work:
            journal = work.create("msdyn_journal", values)
            originate(work, Link("msdyn_timeentry", self.entry), Link("msdyn_journal", journal))
        try:
            self.world.call("msdyn_PostJournal", journal)
        except Refused:
            with self.world.server.transaction() as work:
                for row in work.find("msdyn_transactionorigin", msdyn_transaction=str(journal)):
                    id = row["msdyn_transactionoriginid"]
                    assert isinstance(id, UUID)
                    work.delete("msdyn_transactionorigin", id)
                work.delete("msdyn_journal", journal)
            raise

    def _on_invoice(self, act: str) -> None:
        wanted = InvoiceStatus.CONFIRMED if act == "credit" else InvoiceStatus.DRAFT
        for row in self.world.find("invoice", msdyn_projectinvoicestatus=wanted)[-1:]:
            id = row["invoiceid"]
            assert isinstance(id, UUID)
            if act == "post":
                self.world.confirm(id)
            elif act == "credit":
                self.world.confirm(self.world.correction_of(id))
            else:
                with self.world.server.transaction() as work:
                    work.delete("invoice", id)

    def _all(self) -> list[Row]:
        tables = (
            "msdyn_actual",
            "msdyn_transactionorigin",
            "msdyn_transactionconnection",
            "msdyn_journalline",
            APPROVAL,
        )
        return [row for table in tables for row in self.world.find(table)]


STOCK = {
    "replacements": Replacements.ENTRY,
    "released": Released.READY,
    "environment": Environment.PSA_3,
    "traced": True,
}


@settings(max_examples=25, deadline=None)
@example(acts=["bill", "credit", "cancel", "approve", "bill", "credit", "confirm contract"], **STOCK)
@example(
    acts=["to F", "confirm contract", "to T", "ready", "invoice", "cancel", "delete", "cancel", "approve"], **STOCK
)
@given(
    acts=st.lists(st.sampled_from(ACTS), min_size=3, max_size=14),
    replacements=st.sampled_from(Replacements),
    released=st.sampled_from(Released),
    environment=st.sampled_from(Environment),
    traced=st.booleans(),
)
def test_the_ledger_says_what_the_last_state_says_and_says_it_once(
    acts: list[str], replacements: Replacements, released: Released, environment: Environment, traced: bool
) -> None:
    switches = Switches(actuals=Creation.AT_ONCE, replacements=replacements, released=released, environment=environment)
    switches.reversals_traced = switches.reversals_connected = traced
    hours = Hours(switches)
    for act in ["approve", *acts]:
        hours.do(act)
        hours.check()
