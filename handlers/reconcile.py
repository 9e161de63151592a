"""Finds what no event told: reads entries in bulk, has the very same handler decide, and says what differs.

Nothing is written here. What the handler would write is sent down the same path as every event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from connector.dataverse.access import Reader
from connector.errors import Conflict, Rejected
from handlers.actuals import ActualsHandler
from handlers.entry_facts import EntryFacts
from handlers.plan import Decision, NothingToDo, NotYet, Plan, Refuse
from handlers.suspects import Slice
from handlers.verification import VerificationHandler, findings
from mappings.comparison import Finding, Kind
from mappings.refusal import Refusal
from mappings.tables import Ref

CHUNK = 200
"""Entries that are read together."""

Facts = EntryFacts | Refusal

_TOLD_ONCE = frozenset({Kind.DIFFERING, Kind.ZERO_PRICED, Kind.EDITED, Kind.FOREIGN})
"""What may well stay as it is: somebody else's figures, which they may have meant."""


@dataclass(frozen=True, slots=True)
class Drift:
    """An entry whose rows and truth differ. ``repairable``: the service would write what is lacking by itself."""

    entry: Ref
    day: date | None
    findings: tuple[Finding, ...]
    repairable: bool

    @property
    def is_open(self) -> bool:
        """It is told of until it is mended; the rest is told of once, whenever it changes."""
        return self.repairable or any(finding.kind not in _TOLD_ONCE for finding in self.findings)


@dataclass
class Survey:
    """Looks through slices of entries. One survey is one run; what it counted stays readable.

    A difference on an entry changed after ``still`` counts as in flight: an event about it may be on its way.
    ``month``: only entries dated in it. ``left_open``: by the run before; none of them is looked at a second time.
    """

    handler: ActualsHandler | VerificationHandler
    dataverse: Reader
    still: datetime
    month: tuple[date, date] | None = None
    left_open: frozenset[Ref] = frozenset()
    looked_at: int = 0
    in_flight: set[Ref] = field(default_factory=set)
    open: set[Ref] = field(default_factory=set)
    _told: set[Ref] = field(default_factory=set)
    _seen: set[Ref] = field(default_factory=set)
    """Of those left open; to remember every entry would take the memory of the whole window."""

    @property
    def _rules(self) -> ActualsHandler:
        return self.handler.rules if isinstance(self.handler, VerificationHandler) else self.handler

    def drifts(self, slices: Iterable[Slice]) -> Iterator[Drift]:
        """The entries that drifted, as they are found; each is told once."""
        for found in slices:
            new = [ref for ref in sorted(found, key=str) if ref not in self._told | self.in_flight | self._seen]
            self._seen |= self.left_open.intersection(new)
            for begin in range(0, len(new), CHUNK):
                yield from self._chunk(new[begin : begin + CHUNK], found)

    def _chunk(self, chunk: Sequence[Ref], changed: Slice) -> Iterator[Drift]:
        facts, unread = self._gather(chunk)
        for ref in chunk:
            day = self._day(facts.get(ref))
            if self.month is not None and day is not None and not self.month[0] <= day <= self.month[1]:
                continue
            self.looked_at += 1
            found, repairable = unread.get(ref, ()), False
            if ref in facts:
                decision = self.handler.decide(ref, facts[ref], {})
                found, repairable = self._judged(facts[ref], decision), isinstance(decision, Plan)
            if not found:
                continue
            at = changed.get(ref)
            if at is not None and at > self.still:
                self.in_flight.add(ref)
            else:
                drift = Drift(ref, day, found, repairable)
                self._told.add(ref)
                if drift.is_open:
                    self.open.add(ref)
                yield drift

    def _gather(self, chunk: Sequence[Ref]) -> tuple[Mapping[Ref, Facts], dict[Ref, tuple[Finding, ...]]]:
        """The facts of those whose rows could be read. A refused question is no verdict on who was asked about."""
        try:
            return self.handler.gather(chunk, self.dataverse), {}
        except (Rejected, Conflict) as refused:
            if len(chunk) == 1:
                return {}, {chunk[0]: (Finding(Kind.HELD, f"It can't be read: {refused.sentence} ({refused.code})"),)}
        facts: dict[Ref, Facts] = {}
        unread: dict[Ref, tuple[Finding, ...]] = {}
        for half in (chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]):
            some, others = self._gather(half)
            facts |= some
            unread |= others
        return facts, unread

    def _day(self, facts: Facts | None) -> date | None:
        if not isinstance(facts, EntryFacts) or facts.entry is None:
            return None
        return facts.entry.business_day(self._rules.zone_of(facts))

    def _judged(self, facts: Facts, decision: Decision) -> tuple[Finding, ...]:
        match decision:
            case NotYet(because, code):
                return (Finding(Kind.HELD, f"{because} It has been so for a while; finish or undo it. ({code})"),)
            case NothingToDo(is_news=False):
                return ()
        if isinstance(facts, Refusal):
            return (Finding(Kind.HELD, f"{facts.sentence} ({facts.code})"),)
        compared = findings(self._rules, facts)
        match decision:
            case Plan(because):
                return compared or (Finding(Kind.DIFFERING, because),)
            case Refuse(code, sentence):
                return self._refused(compared, code, sentence)
        if self._rules.is_before_go_live(facts):
            return ()
        if facts.ledger.foreign and isinstance(self.handler, ActualsHandler):
            return (_foreign(facts), *compared) if compared else ()
        return compared or (Finding(Kind.EDITED, decision.because),)

    def _refused(self, compared: tuple[Finding, ...], code: str, sentence: str) -> tuple[Finding, ...]:
        kinds = {finding.kind for finding in compared}
        if isinstance(self.handler, ActualsHandler) and kinds & {Kind.HELD, Kind.EDITED}:
            # It is missing because it is held: one fault, told once.
            return tuple(finding for finding in compared if finding.kind is not Kind.MISSING)
        return compared or (Finding(Kind.HELD, f"{sentence} ({code})"),)


def _foreign(facts: EntryFacts) -> Finding:
    """That somebody else's rows count, which this service would otherwise have written."""
    named = ", ".join(str(actual.row.ref) for actual in facts.ledger.foreign)
    return Finding(Kind.FOREIGN, f"Handled elsewhere: {named} is not of this service.")


def moved(drifts: Iterable[Drift]) -> dict[UUID, Decimal]:
    """How much a repair of these would move, by currency: every amount counts, whichever way it goes."""
    totals: defaultdict[UUID, Decimal] = defaultdict(Decimal)
    for drift in drifts:
        for finding in drift.findings:
            if finding.amount is not None and finding.currency is not None:
                totals[finding.currency] += abs(finding.amount)
    return dict(totals)
