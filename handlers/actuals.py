"""Keeps one entry's actuals true to its approval.

Approved: the rows the approval calls for, once per generation. Not approved: nothing live. What somebody else wrote is
reported and left alone. Whichever message came, the rows decide, so the same event may come five times or never.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.query import Query
from handlers import entry_facts
from handlers.approved import Owner, approved_entry
from handlers.entry_facts import EntryFacts
from handlers.ledger_plan import LedgerPlan
from handlers.plan import Decision, NothingToDo, NotYet, Plan, Refusals, Refuse
from handlers.seldom_changed import SeldomChanged
from mappings.business_date import business_date
from mappings.entry import Approval, Entry, Stage
from mappings.entry_to_actuals import actuals_of
from mappings.inter_organizational import Owed
from mappings.planned_actual import PlannedActual
from mappings.profile import Profile
from mappings.refusal import Refusal
from mappings.released import Edit, edits, hours_edited
from mappings.tables import Ref

_RELEASED = (Stage.APPROVED, Stage.RECALL_REQUESTED)


@dataclass(frozen=True, slots=True)
class ActualsHandler:
    """The handler of entries. Nothing approved before ``start_from`` (a business date) is ever written.

    Business dates are meant in ``zone``, or in that of ``unit_zones`` (by id) of the project's contracting unit.
    """

    start_from: date
    zone: ZoneInfo
    zero_price_is_held: bool = True
    unit_zones: Mapping[UUID, ZoneInfo] = field(default_factory=dict)
    owner: Owner = Owner.PROJECT
    inter_organizational: Owed = Owed.TIME_AND_MATERIAL
    profile: Profile = field(default_factory=Profile)

    def gather(self, subjects: Sequence[Ref], dataverse: Reader) -> Mapping[Ref, EntryFacts | Refusal]:
        """Read the entries, their approvals, ledgers and set-up."""
        return entry_facts.gather(subjects, dataverse, self.profile)

    def looks_next(self, subjects: Sequence[Ref], seldom_changed: SeldomChanged) -> Sequence[Query]:
        """What another ``gather`` of these, which were gathered before, will ask; none where that is not foreseen."""
        return entry_facts.of_the_next_look(subjects, seldom_changed, self.profile)

    def decide(self, subject: Ref, facts: EntryFacts | Refusal, refusals: Refusals) -> Decision:
        """What the entry's ledger still needs."""
        try:
            if isinstance(facts, Refusal):
                raise facts
            decision = self._decide(facts)
            return replace(decision, since=facts.last_released) if isinstance(decision, Plan) else decision
        except Refusal as refusal:
            return Refuse(refusal.code, f"{subject}: {refusal.sentence}")

    def expected(self, facts: EntryFacts) -> tuple[PlannedActual, ...]:
        """The actuals the entry must have, as its approval released it; none unless it is approved project work.

        Raises ``Refusal`` when they can't be known: the set-up, a price, or the approval itself is at fault.
        """
        return self._expected(facts, self.zero_price_is_held)

    def _expected(self, facts: EntryFacts, zero_price_is_held: bool) -> tuple[PlannedActual, ...]:
        entry = facts.released
        if entry is None or entry.stage not in _RELEASED or not entry.is_project_work:
            return ()
        approval = facts.approved_by
        if approval is None:
            raise Refusal("approval-missing", f"{entry.ref} reads approved, but no approval of it does.")
        found = approved_entry(
            entry,
            approval,
            facts.set_up,
            zone=self.zone_of(facts),
            profile=self.profile,
            owner=self.owner,
            owed=self.inter_organizational,
            zero_price_is_held=zero_price_is_held,
        )
        return actuals_of(found)

    def edited(self, facts: EntryFacts) -> tuple[Edit, ...]:
        """Where the approved entry no longer reads as its approval released it."""
        entry, approval = facts.entry, facts.approved_by
        if entry is None or approval is None or entry.stage not in _RELEASED:
            return ()
        return edits(entry, approval, self.zone_of(facts))

    def zone_of(self, facts: EntryFacts) -> ZoneInfo:
        """The time zone in which the entry's business dates are meant."""
        unit = facts.set_up.project.contracting_unit if facts.set_up.project else None
        return self.unit_zones.get(unit, self.zone) if unit else self.zone

    def is_before_go_live(self, facts: EntryFacts) -> bool:
        """It was approved before the service may write. Raises ``Refusal`` where the approval does not say when."""
        approval = facts.approved_by
        if approval is None:
            return False
        if approval.approved_on is None:
            raise Refusal("approval-undated", f"{approval.ref} does not say when it approved; go-live can't be judged.")
        return business_date(approval.approved_on, self.zone_of(facts)) < self.start_from

    def _decide(self, facts: EntryFacts) -> Decision:
        entry = facts.released
        if entry is None:
            if facts.ledger.live:
                raise Refusal("entry-gone", "The entry no longer exists but has live actuals; correct them by journal.")
            return NothingToDo("The entry no longer exists and has no live actuals of ours.")
        match entry.stage:
            case Stage.MOVING:
                return self._moving(entry, facts)
            case Stage.RECALL_REQUESTED:
                return NothingToDo(f"{entry.ref} is {entry.stage.value}; its actuals stay until then.")
            case Stage.NOT_APPROVED:
                return self._withdrawn(entry, facts)
            case Stage.APPROVED:
                return self._approved(entry, facts)

    def _approved(self, entry: Entry, facts: EntryFacts) -> Decision:
        if not entry.is_project_work:
            if facts.ledger.live:
                raise Refusal("project-taken-off", "The approved entry lost its project but has live actuals.")
            return NothingToDo("Not project work: approving it creates no actuals.")
        approval = facts.approved_by
        if approval is None:
            return NotYet(f"{entry.ref} reads approved, its approval does not.")
        if self.is_before_go_live(facts):
            early = f"Approved before the go-live date {self.start_from}; left as it is."
            return NothingToDo(early, is_news=True)
        plan = self._plan(entry, facts)
        plan.refuse_doubled()
        edited = self.edited(facts)
        hours = hours_edited(entry, approval)
        told = (*edited, *((hours,) if hours else ()))
        if facts.ledger.foreign:
            return _with_edits(self._elsewhere(plan, facts), told, approval)
        if edited and not facts.ledger.live:
            raise Refusal("edited-after-approval", _remedy(edited, approval))
        # Between taking back and making anew, an edited entry would look like one that nothing was ever written for.
        try:
            decision = plan.toward(self.expected(facts), at_once=bool(edited))
        except Refusal as refusal:
            decision = self._standing(plan, facts, refusal)
        return _with_edits(decision, told, approval)

    def _standing(self, plan: LedgerPlan, facts: EntryFacts, refusal: Refusal) -> NothingToDo:
        """Rows that lists priced when they were written stand when no list does any more; the rest stays refused."""
        if not facts.ledger.live:
            raise refusal
        # A price that nothing tells is compared with nothing; it must never be written.
        if not isinstance(plan.toward(self._expected(facts, zero_price_is_held=False)), NothingToDo):
            raise refusal
        named = ", ".join(str(actual.row.ref) for actual in facts.ledger.live)
        because = f"{named} stands as written, although its price could not be told any more: {refusal.sentence}"
        return NothingToDo(because, is_news=True)

    def _elsewhere(self, plan: LedgerPlan, facts: EntryFacts) -> NothingToDo:
        """What somebody else's rows come to, compared with what the approval calls for as far as that can be known."""
        try:
            return plan.elsewhere(self.expected(facts))
        except Refusal:
            return plan.elsewhere(None)

    def _moving(self, entry: Entry, facts: EntryFacts) -> Decision:
        """On its way to approval: wait. Rows still live from an earlier approval are taken back meanwhile.

        A target left standing after a withdrawal would otherwise keep those rows billable for as long as it stands.
        """
        if facts.ledger.live and not any(approval.holds for approval in facts.approvals):
            return self._withdrawn(entry, facts)
        return NotYet(f"{entry.ref} is {entry.stage.value}.")

    def _withdrawn(self, entry: Entry, facts: EntryFacts) -> Decision:
        if any(approval.holds for approval in facts.approvals):
            return NotYet(f"{entry.ref} does not read approved, its approval does.")
        if not facts.ledger.live:
            elsewhere = " Rows written elsewhere are left alone." if facts.ledger.foreign else ""
            because = f"Not approved, and nothing of ours to take back.{elsewhere}"
            return NothingToDo(because, is_news=bool(facts.ledger.foreign))
        return self._plan(entry, facts).reverse("The approval was withdrawn")

    def _plan(self, entry: Entry, facts: EntryFacts) -> LedgerPlan:
        return LedgerPlan(entry, facts.ledger, facts.set_up, self.zone_of(facts), self.profile, facts.approved_by)


def _with_edits(decision: Decision, told: Sequence[Edit], approval: Approval) -> Decision:
    if not told or not isinstance(decision, NothingToDo):
        return decision
    return NothingToDo(f"{decision.because} {_remedy(told, approval)}", is_news=True)


def _remedy(edited: Sequence[Edit], approval: Approval) -> str:
    named = "; ".join(str(edit) for edit in edited)
    return f"Edited after {approval.ref} approved it: {named}. Undo the edit, or cancel the approval and approve anew."
