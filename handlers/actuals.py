"""Keeps one entry's actuals true to its approval.

Approved: the rows the approval calls for, once per generation. Not approved: nothing live. What somebody else wrote is
reported and left alone. Whichever message came, the rows decide, so the same event may come five times or never.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.changes import Change, ChangeSet
from handlers import entry_facts, rows
from handlers.entry_facts import EntryFacts
from handlers.plan import Decision, NothingToDo, NotYet, Plan, Refusals, Refuse
from mappings import links, tables
from mappings.business_date import business_date
from mappings.choices import BillingMethod, RecordStage, TransactionClass, TransactionType
from mappings.contract_lines import ContractLine, contract_line, line_for
from mappings.entry import Approval, Entry, Stage
from mappings.entry_to_actuals import ApprovedEntry, Contract, JournalLine, PlannedActual, Project, actuals_of
from mappings.ledger import Actual, Ledger
from mappings.refusal import Refusal
from mappings.reversal import reversal_of
from mappings.tables import Ref


@dataclass(frozen=True, slots=True)
class ActualsHandler:
    """The handler of entries. Nothing approved before ``start_from`` (in ``zone``) is ever written."""

    start_from: date
    zone: ZoneInfo
    zero_price_is_held: bool = True

    def gather(self, subjects: Sequence[Ref], dataverse: Reader) -> Mapping[Ref, EntryFacts]:
        """Read the entries, their approvals, ledgers and set-up."""
        return entry_facts.gather(subjects, dataverse)

    def decide(self, subject: Ref, facts: EntryFacts, refusals: Refusals) -> Decision:
        """What the entry's ledger still needs."""
        try:
            return self._decide(facts)
        except Refusal as refusal:
            return Refuse(refusal.code, f"{subject}: {refusal.sentence}")

    def _decide(self, facts: EntryFacts) -> Decision:
        entry = facts.entry
        if entry is None:
            if facts.ledger.live:
                raise Refusal("entry-gone", "The entry no longer exists but has live actuals; correct them by journal.")
            return NothingToDo("The entry no longer exists and has no live actuals of ours.")
        match entry.stage:
            case Stage.MOVING:
                return NotYet(f"{entry.ref} is {entry.stage.value}.")
            case Stage.RECALL_REQUESTED:
                return NothingToDo(f"{entry.ref} is {entry.stage.value}; its actuals stay until then.")
            case Stage.NOT_APPROVED:
                return _withdrawn(entry, facts)
            case Stage.APPROVED:
                return self._approved(entry, facts)

    def _approved(self, entry: Entry, facts: EntryFacts) -> Decision:
        if not entry.is_work or entry.project is None:
            if facts.ledger.live:
                raise Refusal("project-taken-off", "The approved entry lost its project but has live actuals.")
            return NothingToDo("Not project work: approving it creates no actuals.")
        approvals = [one for one in facts.approvals if one.stage is RecordStage.APPROVED]
        if len(approvals) > 1:
            named = " and ".join(str(one.ref) for one in approvals)
            raise Refusal("two-approvals", f"{named} both approve the entry; cancel all but one.")
        if not approvals:
            return NotYet(f"{entry.ref} reads approved, its approval does not.")
        if self._is_before_go_live(approvals[0]):
            return NothingToDo(f"Approved before the go-live date {self.start_from}; left as it is.")
        if facts.ledger.foreign:
            named = ", ".join(str(actual.row.ref) for actual in facts.ledger.foreign)
            return NothingToDo(f"Handled elsewhere: {named} was not written by this service.")
        return _toward(entry, actuals_of(self._approved_entry(entry, approvals[0], facts)), facts)

    def _is_before_go_live(self, approval: Approval) -> bool:
        approved_on = approval.approved_on
        return approved_on is not None and business_date(approved_on, self.zone) < self.start_from

    def _approved_entry(self, entry: Entry, approval: Approval, facts: EntryFacts) -> ApprovedEntry:
        project = facts.project
        if project is None:
            raise Refusal("project-gone", "The entry's project can't be read; check that it exists and is shared.")
        line = line_for(entry.transaction_class, [line for found in facts.lines if (line := contract_line(found))])
        contract = _contract(line, facts)
        _one_unit_only(entry, project, line)
        cost_currency = facts.unit_currency if entry.transaction_class is TransactionClass.TIME else entry.currency
        if cost_currency is None or cost_currency not in facts.currencies:
            raise Refusal("currency-missing", f"{project.ref} has no contracting unit with a currency; complete it.")
        return ApprovedEntry(
            entry=entry,
            approval=approval,
            project=project,
            line=line,
            contract=contract,
            cost_line=_journal_line(facts, TransactionType.COST),
            sales_line=_journal_line(facts, TransactionType.UNBILLED_SALES),
            cost_currency=facts.currencies[cost_currency],
            sales_currency=facts.currencies.get(contract.currency) if contract and contract.currency else None,
            zero_price_is_held=self.zero_price_is_held,
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


def _contract(line: ContractLine | None, facts: EntryFacts) -> Contract | None:
    """The line's contract; without a line, the one contract the project belongs to."""
    if line is not None:
        return facts.contracts.get(line.contract)
    return next(iter(facts.contracts.values())) if len(facts.contracts) == 1 else None


def _journal_line(facts: EntryFacts, kind: TransactionType) -> JournalLine | None:
    """The newest journal line of this side: an entry submitted again has a line per submission."""
    return next((line for line in facts.journal_lines if line.type == kind), None)


def _withdrawn(entry: Entry, facts: EntryFacts) -> Decision:
    if any(approval.stage is RecordStage.APPROVED for approval in facts.approvals):
        return NotYet(f"{entry.ref} does not read approved, its approval does.")
    live = facts.ledger.live
    if not live:
        elsewhere = " Rows written elsewhere are left alone." if facts.ledger.foreign else ""
        return NothingToDo(f"Not approved, and nothing of ours to take back.{elsewhere}")
    return _reverse(entry, facts, live, "The approval was withdrawn")


def _reverse(entry: Entry, facts: EntryFacts, live: Sequence[Actual], reason: str) -> Plan:
    invoiced = [actual for actual in facts.ledger.actuals if actual.is_live and actual.is_invoiced]
    if invoiced:
        named = ", ".join(str(actual.row.ref) for actual in invoiced)
        raise Refusal("already-invoiced", f"{reason}, but {named} stands on an invoice; delete the draft or credit it.")
    changes: list[Change] = []
    for actual in live:
        reversal = reversal_of(actual, _sources(entry, facts, actual.type))
        changes += [rows.update(reversal.original), *(rows.create(new) for new in reversal.created)]
    return Plan(f"{reason}: {len(live)} actuals are reversed.", (_change_set(changes, entry),))


def _toward(entry: Entry, planned: tuple[PlannedActual, ...], facts: EntryFacts) -> Decision:
    """Compare what the approval calls for with what is live, side by side, and plan the difference."""
    ledger = facts.ledger
    live_sides = {actual.type for actual in ledger.live}
    wanted_sides = {one.type for one in planned}
    # A side the set-up no longer bills is reported, not undone: only an approval may change what was written. For the
    # same reason figures are compared, not ids: another customer on the contract does not bill the past anew.
    held = Counter(_figures_of(actual) for actual in ledger.live if actual.type in wanted_sides)
    released = Counter(_figures_planned(one) for one in planned if one.type in live_sides)
    if held != released:
        return _reverse(entry, facts, ledger.live, "Approved anew with other figures")
    missing = [one for one in planned if one.type not in live_sides]
    taken = [str(id) for one in missing if (id := _id(one, ledger)) in ledger.ids]
    if taken:
        return NothingToDo(f"Handled elsewhere: {', '.join(taken)} was adjusted by somebody else.")
    if missing:
        return _create(entry, missing, facts)
    if live_sides - wanted_sides:
        return NothingToDo("The sales side was written under an earlier set-up of the contract; left as it is.")
    return NothingToDo(f"The ledger holds the {len(planned)} actuals the approval calls for.")


_Figures = tuple[int | None, int | None, Decimal, Decimal, Decimal]


def _figures_of(actual: Actual) -> _Figures:
    billing = actual.billing_type if actual.type == TransactionType.UNBILLED_SALES else None
    return (actual.type, billing, *actual.figures)


def _figures_planned(one: PlannedActual) -> _Figures:
    billing = one.billing_type if one.type is TransactionType.UNBILLED_SALES else None
    return (one.type, billing, one.quantity, one.price, one.amount)


def _create(entry: Entry, missing: Sequence[PlannedActual], facts: EntryFacts) -> Plan:
    ledger = facts.ledger
    created = []
    for one in missing:
        new = one.row(ledger.entry, ledger.generation)
        created += [new, *links.origins(_sources(entry, facts, one.type), new.row.id)]
    both = [(one.type, _id(one, ledger)) for one in missing] + [(actual.type, actual.id) for actual in ledger.live]
    for sales in (id for kind, id in both if kind == TransactionType.UNBILLED_SALES):
        created += [links.sales_and_cost(sales, cost) for kind, cost in both if kind == TransactionType.COST]
    because = f"Approved: {len(missing)} actuals are created, generation {ledger.generation}."
    return Plan(because, (_change_set([rows.create(new) for new in created], entry),))


def _id(one: PlannedActual, ledger: Ledger) -> UUID:
    return one.row(ledger.entry, ledger.generation).row.id


def _sources(entry: Entry, facts: EntryFacts, kind: int | None) -> tuple[Ref | None, ...]:
    line = _journal_line(facts, TransactionType(kind)) if kind is not None else None
    return (line.ref if line else None, entry.ref)


def _change_set(changes: Sequence[Change], entry: Entry) -> ChangeSet:
    return ChangeSet(tuple(changes), partition=f"{tables.PROJECT}/{entry.project}")
