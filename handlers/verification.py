"""Verifies the actuals that the product itself creates: reads, compares, reports, and never writes.

What an approval should have brought is worked out by the same rules that write actuals elsewhere, and laid beside what
the ledger holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.dataverse.access import Reader
from handlers.actuals import ActualsHandler
from handlers.entry_facts import EntryFacts
from handlers.plan import Decision, NothingToDo, NotYet, Refusals, Refuse
from mappings import comparison
from mappings.comparison import Finding, Kind
from mappings.entry import Stage
from mappings.refusal import Refusal
from mappings.tables import Ref


@dataclass(frozen=True, slots=True)
class VerificationHandler:
    """The handler of entries where approval makes the product create actuals. ``rules`` says what they should be."""

    rules: ActualsHandler

    def gather(self, subjects: Sequence[Ref], dataverse: Reader) -> Mapping[Ref, EntryFacts | Refusal]:
        """Read the entries, their approvals, ledgers and set-up."""
        return self.rules.gather(subjects, dataverse)

    def decide(self, subject: Ref, facts: EntryFacts | Refusal, refusals: Refusals) -> Decision:
        """Whether the ledger holds what it should; there is never anything to write."""
        if isinstance(facts, Refusal):
            return Refuse(facts.code, f"{subject}: {facts.sentence}")
        flux = in_flux(facts)
        if flux is not None:
            return NotYet(flux)
        found = findings(self.rules, facts)
        split = (facts.ledger.split,) if facts.ledger.split else ()
        if not found:
            return NothingToDo(" ".join(("The ledger agrees with the approval.", *split)))
        said = " ".join((*(finding.sentence for finding in found), *split))
        kinds = {finding.kind for finding in found}
        if Kind.DOUBLED in kinds:
            return Refuse("doubled", f"{subject}: {said}", facts.last_released)
        if Kind.NOT_WITHDRAWN in kinds:
            return Refuse("not-withdrawn", f"{subject}: {said}", facts.last_released)
        if Kind.MISSING in kinds:
            return Refuse("actuals-missing", f"{subject}: {said}", facts.last_released)
        return NothingToDo(said, is_news=True)


def in_flux(facts: EntryFacts) -> str | None:
    """Why the reading is no final one: entry and approval don't say the same, or an approval set is not done."""
    entry = facts.entry
    if entry is None:
        return None
    holds = any(approval.holds for approval in facts.approvals)
    if entry.stage is Stage.MOVING:
        return f"{entry.ref} is {entry.stage.value}."
    if entry.stage is Stage.APPROVED and entry.is_work and entry.project is not None and not holds:
        return f"{entry.ref} reads approved, its approval does not."
    if entry.stage is Stage.NOT_APPROVED and holds:
        return f"{entry.ref} does not read approved, its approval does."
    return None


def findings(rules: ActualsHandler, facts: EntryFacts) -> tuple[Finding, ...]:
    """Where the ledger differs from what the rows call for, whoever wrote it."""
    entry, ledger = facts.released, facts.ledger
    if entry is None or entry.stage is Stage.NOT_APPROVED or not entry.is_project_work:
        return comparison.not_withdrawn(ledger)
    if entry.stage is Stage.MOVING:
        return ()
    try:
        if rules.is_before_go_live(facts):
            return ()
        edited = [Finding(Kind.EDITED, f"Edited since it was approved: {edit}.") for edit in rules.edited(facts)]
        planned = rules.expected(facts)
    except Refusal as refusal:
        return _unknown(refusal, facts)
    return (*edited, *comparison.compare(planned, ledger, rules.zone_of(facts)))


def _unknown(refusal: Refusal, facts: EntryFacts) -> tuple[Finding, ...]:
    """What can be said although what should be there can't be known."""
    found = [Finding(Kind.HELD, f"{refusal.sentence} ({refusal.code})"), *comparison.zero_priced(facts.ledger)]
    if comparison.lacks_cost(facts.ledger):
        found.append(Finding(Kind.MISSING, "There is no cost actual, which every approved entry has."))
    return tuple(found)
