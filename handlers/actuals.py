"""Keeps one entry's actuals true to its approval.

Approved: the rows the approval calls for, once per generation. Not approved: nothing live. What somebody else wrote is
reported and left alone. Whichever message came, the rows decide, so the same event may come five times or never.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from handlers import entry_facts
from handlers.entry_facts import EntryFacts
from handlers.ledger_plan import LedgerPlan, journal_line
from handlers.plan import Decision, NothingToDo, NotYet, Refusals, Refuse
from handlers.set_up import SetUp
from mappings.approved_entry import ApprovedEntry, Contract, Project
from mappings.business_date import business_date
from mappings.choices import BillingMethod, TransactionClass, TransactionType
from mappings.contract_lines import ContractLine, contract_line, line_for
from mappings.entry import Approval, Entry, Stage
from mappings.entry_to_actuals import actuals_of
from mappings.planned_actual import PlannedActual
from mappings.refusal import Refusal
from mappings.tables import Ref


@dataclass(frozen=True, slots=True)
class ActualsHandler:
    """The handler of entries. Nothing approved before ``start_from`` (in ``zone``) is ever written."""

    start_from: date
    zone: ZoneInfo
    zero_price_is_held: bool = True

    def gather(self, subjects: Sequence[Ref], dataverse: Reader) -> Mapping[Ref, EntryFacts | Refusal]:
        """Read the entries, their approvals, ledgers and set-up."""
        return entry_facts.gather(subjects, dataverse)

    def decide(self, subject: Ref, facts: EntryFacts | Refusal, refusals: Refusals) -> Decision:
        """What the entry's ledger still needs."""
        try:
            if isinstance(facts, Refusal):
                raise facts
            return self._decide(facts)
        except Refusal as refusal:
            return Refuse(refusal.code, f"{subject}: {refusal.sentence}")

    def expected(self, facts: EntryFacts) -> tuple[PlannedActual, ...]:
        """The actuals the entry must have as its rows read now; none unless it is approved project work.

        Raises ``Refusal`` when they can't be known: the set-up, a price, or the approval itself is at fault.
        """
        entry = facts.entry
        if entry is None or entry.stage not in _RELEASED or not _is_project_work(entry):
            return ()
        approval = facts.approved_by
        if approval is None:
            raise Refusal("approval-missing", f"{entry.ref} reads approved, but no approval of it does.")
        _as_approved(entry, approval)
        return actuals_of(self._approved_entry(entry, approval, facts.set_up))

    def _decide(self, facts: EntryFacts) -> Decision:
        entry = facts.entry
        if entry is None:
            if facts.ledger.live:
                raise Refusal("entry-gone", "The entry no longer exists but has live actuals; correct them by journal.")
            return NothingToDo("The entry no longer exists and has no live actuals of ours.")
        match entry.stage:
            case Stage.MOVING:
                return _moving(entry, facts, self.zone)
            case Stage.RECALL_REQUESTED:
                return NothingToDo(f"{entry.ref} is {entry.stage.value}; its actuals stay until then.")
            case Stage.NOT_APPROVED:
                return _withdrawn(entry, facts, self.zone)
            case Stage.APPROVED:
                return self._approved(entry, facts)

    def _approved(self, entry: Entry, facts: EntryFacts) -> Decision:
        if not _is_project_work(entry):
            if facts.ledger.live:
                raise Refusal("project-taken-off", "The approved entry lost its project but has live actuals.")
            return NothingToDo("Not project work: approving it creates no actuals.")
        approval = facts.approved_by
        if approval is None:
            return NotYet(f"{entry.ref} reads approved, its approval does not.")
        if self._is_before_go_live(approval):
            early = f"Approved before the go-live date {self.start_from}; left as it is."
            return NothingToDo(early, is_news=True)
        plan = LedgerPlan(entry, facts.ledger, facts.set_up, self.zone)
        plan.refuse_doubled()
        try:
            planned = self.expected(facts)
        except Refusal:
            if not facts.ledger.foreign:
                raise
            return plan.elsewhere(None)
        return plan.elsewhere(planned) if facts.ledger.foreign else plan.toward(planned)

    def _is_before_go_live(self, approval: Approval) -> bool:
        if approval.approved_on is None:
            raise Refusal("approval-undated", f"{approval.ref} does not say when it approved; go-live can't be judged.")
        return business_date(approval.approved_on, self.zone) < self.start_from

    def _approved_entry(self, entry: Entry, approval: Approval, set_up: SetUp) -> ApprovedEntry:
        project = set_up.project
        if project is None:
            raise Refusal("project-gone", "The entry's project can't be read; check that it exists and is shared.")
        line = line_for(entry.transaction_class, [line for found in set_up.lines if (line := contract_line(found))])
        contract = _contract(line, set_up)
        _one_unit_only(entry, project, line)
        is_time = entry.transaction_class is TransactionClass.TIME
        return ApprovedEntry(
            entry=entry,
            approval=approval,
            project=project,
            line=line,
            contract=contract,
            is_internal=not set_up.contracts,
            cost_line=journal_line(set_up, TransactionType.COST),
            sales_line=journal_line(set_up, TransactionType.UNBILLED_SALES),
            cost_currency=(
                set_up.currency(set_up.unit_currency, f"The contracting unit of {project.ref}")
                if is_time
                else set_up.currency(entry.currency, "The expense")
            ),
            sales_currency=set_up.currency(contract.currency, contract.ref) if line and contract else None,
            zero_price_is_held=self.zero_price_is_held,
        )


_RELEASED = (Stage.APPROVED, Stage.RECALL_REQUESTED)


def _is_project_work(entry: Entry) -> bool:
    return entry.is_work and entry.project is not None


def _moving(entry: Entry, facts: EntryFacts, zone: ZoneInfo) -> Decision:
    """On its way to approval: wait. Rows still live from an earlier approval are taken back meanwhile.

    A target left standing after a withdrawal would otherwise keep those rows billable for as long as it stands.
    """
    if facts.ledger.live and not any(approval.holds for approval in facts.approvals):
        return _withdrawn(entry, facts, zone)
    return NotYet(f"{entry.ref} is {entry.stage.value}.")


def _withdrawn(entry: Entry, facts: EntryFacts, zone: ZoneInfo) -> Decision:
    if any(approval.holds for approval in facts.approvals):
        return NotYet(f"{entry.ref} does not read approved, its approval does.")
    if not facts.ledger.live:
        elsewhere = " Rows written elsewhere are left alone." if facts.ledger.foreign else ""
        because = f"Not approved, and nothing of ours to take back.{elsewhere}"
        return NothingToDo(because, is_news=bool(facts.ledger.foreign))
    return LedgerPlan(entry, facts.ledger, facts.set_up, zone).reverse("The approval was withdrawn")


def _as_approved(entry: Entry, approval: Approval) -> None:
    """An approved entry is closed to edits; one that was edited all the same needs its approver, not a guess."""
    elsewhere = approval.project is not None and approval.project != entry.project
    if elsewhere or (approval.resource is not None and approval.resource != entry.resource):
        raise Refusal(
            "edited-after-approval",
            f"The entry's project or resource is not the one {approval.ref} approved; cancel the approval and approve "
            "the entry anew.",
        )


def _one_unit_only(entry: Entry, project: Project, line: ContractLine | None) -> None:
    """Another unit's time, billed by time, needs two more rows and a transfer price; half of it misstates both."""
    billed_time = (
        line is not None
        and line.method is BillingMethod.TIME_AND_MATERIAL
        and entry.transaction_class is TransactionClass.TIME
    )
    if billed_time and entry.resourcing_unit not in (None, project.contracting_unit):
        raise Refusal(
            "inter-organizational",
            "The resource belongs to another organizational unit than the contract. Inter-organizational actuals are "
            "not written by this version; create them by journal.",
        )


def _contract(line: ContractLine | None, set_up: SetUp) -> Contract | None:
    """The line's contract; without a line, the one contract the project belongs to."""
    if line is not None:
        return set_up.contracts.get(line.contract)
    return next(iter(set_up.contracts.values())) if len(set_up.contracts) == 1 else None
