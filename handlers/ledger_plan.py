"""From what an entry's ledger holds to what it must hold: the rows to create, or to take back, as one change set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.changes import Change, ChangeSet
from handlers import rows
from handlers.plan import ON_DRAFT, Decision, NothingToDo, NotYet, Plan
from handlers.set_up import SetUp
from mappings import links, substance, tables
from mappings.approved_entry import JournalLine
from mappings.choices import TransactionType
from mappings.entry import Approval, Entry
from mappings.ledger import Actual, Ledger, actual_columns
from mappings.planned_actual import PlannedActual
from mappings.profile import Profile
from mappings.refusal import Refusal
from mappings.released import left_open
from mappings.reversal import reversal_of
from mappings.tables import NewRow, Ref

ANEW = "Approved anew, and not the same"
BETWEEN_UNITS = (TransactionType.RESOURCING_UNIT_COST, TransactionType.INTER_ORGANIZATIONAL_SALES)

_COUNTED_TOGETHER = {
    "cost": (TransactionType.COST,),
    "sales": (TransactionType.UNBILLED_SALES, TransactionType.BILLED_SALES),
    "resourcing unit cost": (TransactionType.RESOURCING_UNIT_COST,),
    "inter-organizational sales": (TransactionType.INTER_ORGANIZATIONAL_SALES,),
}


@dataclass(frozen=True, slots=True)
class LedgerPlan:
    """Plans for one entry's ledger."""

    entry: Entry
    ledger: Ledger
    set_up: SetUp
    zone: ZoneInfo
    profile: Profile
    approval: Approval | None = None

    def toward(self, planned: Sequence[PlannedActual], *, at_once: bool = False) -> Decision:
        """Compare what the approval calls for with what is live, side by side, and plan the difference.

        ``at_once``: rows that must be made anew are taken back and made in one change set.
        """
        stale = [actual for actual in self.ledger.live if self.ledger.is_stale(actual)]
        if stale:
            return self.reverse("Left over from an earlier approval", stale)
        live = self.ledger.live
        # Our own reversal takes back a whole generation, so a lone row of this one was taken back by somebody else.
        live_ids = {actual.id for actual in live}
        taken = [str(id) for one in planned if (id := self._id(one)) in self.ledger.ids - live_ids]
        if taken:
            return NothingToDo(f"Handled elsewhere: {', '.join(taken)} was adjusted by somebody else.", is_news=True)
        live_sides = {actual.type for actual in live}
        wanted_sides = {one.type for one in planned}
        # A side the set-up no longer bills is reported, not undone: only an approval may change what was written.
        if not substance.agree(live, planned, self.zone):
            if self._differs_unreleased(planned):
                why = (
                    f"The entry says otherwise by now than when {_named(live)} was written, in what its approval "
                    "leaves open; nobody approved it since. Left as it is."
                )
                return NothingToDo(why, is_news=True)
            return _correcting(self._anew(planned) if at_once else self.reverse(ANEW))
        missing = [one for one in planned if one.type not in live_sides]
        since = self._taken_back_since()
        if missing and since and not live:
            why = (
                f"Handled elsewhere: {since} took the entry's rows back while its approval stood; nothing is made anew."
            )
            return NothingToDo(why, is_news=True)
        if missing:
            return self._create(missing)
        if live_sides - wanted_sides:
            earlier = "The sales side was written under an earlier set-up of the contract; left as it is."
            return NothingToDo(earlier, is_news=True)
        otherwise = _named(substance.said_otherwise(live, planned))
        if otherwise:
            why = f"Price lists or settings say otherwise by now than when {otherwise} was written; left as it is."
            return NothingToDo(why, is_news=True)
        return NothingToDo(f"The ledger holds the {len(planned)} actuals the approval calls for.")

    def refuse_doubled(self) -> None:
        """Raises ``Refusal`` when one side counts twice, once by us and once by somebody else."""
        ours, theirs = self.ledger.counting_twice
        for side in {actual.type for actual in ours} & {actual.type for actual in theirs}:
            both = (*ours, *theirs)
            named = _named(actual for actual in both if actual.type == side)
            raise Refusal(
                "doubled",
                f"{named} count the same work twice, by this service and by somebody else. Keep them from being marked "
                "ready, reverse one side by journal, and make sure that only one of the two creates actuals.",
            )

    def elsewhere(self, planned: Sequence[PlannedActual] | None) -> NothingToDo:
        """Somebody else's rows count for this entry: name them, and say where they differ from what was released."""
        named = ", ".join(str(actual.row.ref) for actual in self.ledger.foreign)
        differs = []
        for word, sides in _COUNTED_TOGETHER.items():
            # Everything counts here, with its sign: an invoice moves quantity from unbilled to billed, and adds none.
            held = sum((actual.figures[0] for actual in self.ledger.actuals if actual.type in sides), Decimal(0))
            released = sum((one.quantity for one in planned or () if one.type in sides), Decimal(0))
            if planned is not None and held != released:
                differs.append(f"{word} quantity {held} instead of {released}")
        difference = ", ".join(differs) or "no quantity differs"
        said = f"Handled elsewhere: {named} is not of this service; {difference}."
        return NothingToDo(" ".join(filter(None, (said, self.ledger.split))), is_news=True)

    def reverse(self, reason: str, rows_of_ours: Sequence[Actual] | None = None) -> Plan | NotYet:
        """Take back these, or every live row of ours; not while one is on a draft.

        Raises ``Refusal`` when one was posted.
        """
        taken_back = self.ledger.live if rows_of_ours is None else rows_of_ours
        unsigned = _named(actual for actual in taken_back if actual.id not in self.ledger.signed)
        if unsigned:
            # Found by its id alone: the reading is torn, or origins were deleted. Half a generation must not go.
            return NotYet(f"{reason}, but no origin leads to {unsigned}, so its siblings may not have been found.")
        adjusting = _named(actual for actual in taken_back if actual.is_being_adjusted)
        if adjusting:
            return NotYet(f"{reason}, but {adjusting} is being corrected by somebody; confirm or delete that.")
        drafted = [actual for actual in taken_back if actual.is_on_draft]
        if drafted:
            return NotYet(
                f"{reason}, but {_named(drafted)} stands on {self._draft(drafted)}; delete the draft.",
                code=ON_DRAFT,
                is_news=True,
            )
        posted = _named(actual for actual in taken_back if actual.is_invoiced)
        if posted:
            sentence = f"{reason}, but {posted} stands on a posted invoice; credit it, then replay."
            raise Refusal("already-invoiced", sentence)
        changes: list[Change] = []
        for actual in taken_back:
            reversal = reversal_of(actual, self._came_from(actual), actual_columns(self.profile))
            changes += [rows.update(reversal.original), *(rows.create(new) for new in reversal.created)]
        return self._plan(f"{reason}: {_counted(taken_back)} reversed.", changes)

    def _draft(self, drafted: Iterable[Actual]) -> str:
        found = sorted(frozenset[UUID]().union(*(self.ledger.drafts.get(one.id, ()) for one in drafted)))
        named = ", ".join(str(Ref(tables.INVOICE, id)) for id in found)
        return f"a draft invoice, {named}" if named else "a draft invoice"

    def _differs_unreleased(self, planned: Sequence[PlannedActual]) -> bool:
        """Rows and entry differ in nothing that an approval said, and none was given since the rows were written."""
        approval = self.approval
        if approval is None or approval.row is None or not self.ledger.is_younger_than(approval.row):
            return False
        return substance.agree(self.ledger.live, planned, self.zone, left_open(approval))

    def _taken_back_since(self) -> str | None:
        approval = self.approval.row if self.approval else None
        return _named(self.ledger.taken_back_by_others_since(approval)) if approval else None

    def _anew(self, planned: Sequence[PlannedActual]) -> Plan | NotYet:
        """Take back what is live and make the next generation, in one change set."""
        taken_back = self.reverse(ANEW)
        if not isinstance(taken_back, Plan) or not any(one.type == TransactionType.COST for one in self.ledger.live):
            return taken_back
        (reversals,) = taken_back.change_sets
        creations = self._created(planned, (), self.ledger.generation + 1)
        return self._plan(f"{taken_back.because} {_counted(planned)} made anew.", [*reversals.changes, *creations])

    def _create(self, missing: Sequence[PlannedActual]) -> Plan:
        because = f"Approved: {_counted(missing)}, generation {self.ledger.generation}."
        plan = self._plan(because, self._created(missing, self.ledger.live, self.ledger.generation))
        return replace(plan, completes=bool(self.ledger.live))

    def _created(self, missing: Sequence[PlannedActual], beside: Iterable[Actual], generation: int) -> list[Change]:
        """The creation of rows with their origins, and with the ties between sales and cost."""
        created: list[NewRow] = []
        standing = [(live.type, live.id) for live in beside]
        made: list[tuple[int | None, UUID]] = []
        for one in missing:
            new = one.row(self.ledger.entry, generation)
            created += [new, *links.origins(self._sources(one.type), new.row.id)]
            made.append((one.type, new.row.id))
        for sales in _of_type(TransactionType.UNBILLED_SALES, made):
            created += [links.sales_and_cost(sales, cost) for cost in _of_type(TransactionType.COST, made + standing)]
        for sales in _of_type(TransactionType.UNBILLED_SALES, standing):
            created += [links.sales_and_cost(sales, cost) for cost in _of_type(TransactionType.COST, made)]
        return [rows.create(new) for new in created]

    def _id(self, one: PlannedActual) -> UUID:
        return one.row(self.ledger.entry, self.ledger.generation).row.id

    def _sources(self, kind: int | None) -> tuple[Ref | None, ...]:
        """The journal line of its side and the entry. What units owe each other was submitted as a cost."""
        side = TransactionType(kind) if kind is not None else TransactionType.COST
        line = journal_line(self.set_up, side)
        if line is None and side in BETWEEN_UNITS:
            line = journal_line(self.set_up, TransactionType.COST)
        return (line.ref if line else None, self.entry.ref)

    def _came_from(self, actual: Actual) -> tuple[Ref, ...]:
        """What led to an actual leads to its reversal: an entry submitted again has other journal lines by then."""
        lines = sorted(self.ledger.lines.get(actual.id, ()))
        return (*(Ref(tables.JOURNAL_LINE, line) for line in lines), self.entry.ref)

    def _plan(self, because: str, changes: Sequence[Change]) -> Plan:
        return Plan(because, (ChangeSet(tuple(changes), partition=f"{tables.PROJECT}/{self.entry.project}"),))


def _of_type(wanted: TransactionType, pairs: Iterable[tuple[int | None, UUID]]) -> list[UUID]:
    return [id for kind, id in pairs if kind == wanted]


def _correcting(decision: Plan | NotYet) -> Plan | NotYet:
    return replace(decision, corrects=True) if isinstance(decision, Plan) else decision


def _named(actuals: Iterable[Actual]) -> str | None:
    return ", ".join(str(actual.row.ref) for actual in actuals) or None


def _counted(actuals: Sequence[PlannedActual | Actual]) -> str:
    costs = sum(one.type == TransactionType.COST for one in actuals)
    between = sum(one.type in BETWEEN_UNITS for one in actuals)
    said = f"cost {costs}, unbilled sales {len(actuals) - costs - between}"
    return f"{said}, between units {between}" if between else said


def journal_line(set_up: SetUp, kind: TransactionType) -> JournalLine | None:
    """The newest journal line of this side: an entry submitted again has a line per submission."""
    return next((line for line in set_up.journal_lines if line.type == kind), None)
