"""One history in two worlds: carried out by workers that look behind their writes, and by workers that do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from connector.dataverse.access import Reader
from connector.dataverse.changes import ChangeSet, Committed, Record, Reference
from connector.dataverse.query import Query
from connector.errors import ConnectorError, Rejected, UnknownOutcome
from handlers.actuals import ActualsHandler
from handlers.entry_facts import EntryFacts
from handlers.fixed_point import FixedPoint, Outcome, Settled
from handlers.plan import Decision, Refusals
from handlers.rows import reference
from handlers.seldom_changed import SeldomChanged
from mappings.refusal import Refusal
from mappings.tables import Ref
from tests.handlers.fake_dataverse import FakeDataverse
from tests.handlers.judging import write
from tests.handlers.keeping_world import KeepingWorld
from tests.handlers.test_ledger_found import by_journal_line, connect, take_back, untie
from tests.handlers.world import APPROVED, DRAFT, INDIA, READY, UNBILLED, USD

ENTRIES = 5


class Tie(Enum):
    """How a row of somebody else belongs to an entry."""

    ORIGIN = "origin"
    JOURNAL_LINE = "journal line"
    CONNECTION = "connection"


class When(Enum):
    """When something happens while a worker is at it."""

    BEFORE = "between its reading and its write"
    BEHIND = "between its write and the look behind that"
    AFTER = "between the look behind its write and what it makes of that"


class Fate(Enum):
    """What becomes of a worker's write."""

    ANSWERED = "answered"
    ANSWER_LOST = "carried out, and nobody is told"
    LOST = "neither carried out nor answered"


@dataclass(frozen=True, slots=True)
class Approve:
    """Somebody approves an entry, for so many hours to bill."""

    entry: int
    hours: int = 8


@dataclass(frozen=True, slots=True)
class Cancel:
    """Somebody cancels its approval."""

    entry: int


@dataclass(frozen=True, slots=True)
class Later:
    """Time passes."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """Somebody else writes an actual of an entry."""

    entry: int
    kind: int
    tie: Tie


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Somebody else takes back all that counts of an entry."""

    entry: int
    tie: Tie


@dataclass(frozen=True, slots=True)
class Invoiced:
    """A colleague marks an entry's sales ready, and invoices."""

    entry: int


@dataclass(frozen=True, slots=True)
class Work:
    """A worker handles entries while other things happen; which of its looks are answered (those beyond: all)."""

    entries: tuple[int, ...]
    when: When = When.BEFORE
    meanwhile: tuple[Step, ...] = ()
    fate: Fate = Fate.ANSWERED
    answered: tuple[bool, ...] = ()


Step = Approve | Cancel | Later | Foreign | TakenBack | Invoiced | Work
Told = tuple[str, str, int, bool]


class Line:
    """A worker's own line to Dataverse, on which something happens once, around its first write."""

    def __init__(self, dataverse: FakeDataverse, work: Work, happen: Callable[[Sequence[Step]], None]) -> None:
        self.dataverse = dataverse
        self.answered = list(work.answered)
        self._when = work.when
        self._meanwhile = work.meanwhile
        self._happen = happen

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Read without delay."""
        return self.dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        """Write without a look."""
        outcomes = self.write(change_sets)
        self.passes(When.AFTER)
        return outcomes

    def write(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        """Write what was decided before."""
        self.passes(When.BEFORE)
        outcomes = self.dataverse.commit(change_sets)
        self.passes(When.BEHIND)
        return outcomes

    def passes(self, moment: When) -> None:
        """The others have their turn, if this is their moment."""
        if moment is self._when:
            meanwhile, self._meanwhile = self._meanwhile, ()
            self._happen(meanwhile)


class LookingLine(Line):
    """A line on which the look behind a write goes along with it."""

    def commit_and_look(
        self, change_sets: Sequence[ChangeSet], questions: Sequence[Query]
    ) -> tuple[list[Committed | ConnectorError], list[list[Record]] | None]:
        """Write, then look."""
        outcomes = self.write(change_sets)
        answers = self.dataverse.query(questions)
        self.passes(When.AFTER)
        is_answered = self.answered.pop(0) if self.answered else True
        return outcomes, answers if is_answered else None


class Compared:
    """The rules of entries; whatever they are told must be what a fresh reading of this very moment tells."""

    def __init__(self, rules: ActualsHandler, dataverse: FakeDataverse) -> None:
        self._rules = rules
        self._dataverse = dataverse

    def gather(self, subjects: Sequence[Ref], dataverse: Reader) -> Mapping[Ref, EntryFacts | Refusal]:
        """Read, and read once more."""
        facts = self._rules.gather(subjects, dataverse)
        fresh = self._rules.gather(subjects, self._dataverse)
        assert {one: _moving(facts[one]) for one in subjects} == {one: _moving(fresh[one]) for one in subjects}
        for one in subjects:
            assert self.decide(one, facts[one], {}) == self.decide(one, fresh[one], {})
        return facts

    def looks_next(self, subjects: Sequence[Ref], seldom_changed: SeldomChanged) -> Sequence[Query]:
        """What the rules will ask next."""
        return self._rules.looks_next(subjects, seldom_changed)

    def decide(self, subject: Ref, facts: EntryFacts | Refusal, refusals: Refusals) -> Decision:
        """What the rules decide."""
        return self._rules.decide(subject, facts, refusals)


def _moving(facts: EntryFacts | Refusal) -> object:
    """What is never kept: everything but the set-up."""
    return str(facts) if isinstance(facts, Refusal) else (facts.entry, facts.approvals, facts.ledger)


class LooksWorld(KeepingWorld):
    """Five entries, submitted: time, time of another unit, time without prices, and an expense; its project is known.

    ``told``: what came of each piece of work, in the order in which they ended.
    """

    def __init__(self, line: type[Line]) -> None:
        super().__init__()
        self.told: list[list[Told]] = []
        self._line = line
        self.dataverse.put(INDIA, msdyn_currency=USD)
        elsewhere, unpriced = self.submit(msdyn_resourceorganizationalunitid=INDIA), self.submit()
        self.dataverse.put(self.approval_of(unpriced), msdyn_costprice=None, msdyn_salesprice=None)
        expense = self.hotel(msdyn_salesprice=Decimal(170), transactioncurrencyid=USD)
        self.entries = [self.submit(), self.submit(), elsewhere, unpriced, expense]
        self.decide_on(expense, None)
        self.work_on(self.approved(), *self.entries)
        self.dataverse.later(minutes=2)

    def live_through(self, steps: Sequence[Step]) -> None:
        """All of it, one after the other."""
        for step in steps:
            match step:
                case Work():
                    self.work(step)
                case Later(seconds):
                    self.dataverse.later(seconds=seconds)
                case _:
                    self.act(step, self.entries[step.entry])

    def act(self, step: Approve | Cancel | Foreign | TakenBack | Invoiced, entry: Ref) -> None:
        """What somebody does with an entry."""
        match step:
            case Approve():
                self.decide_on(entry, step.hours)
            case Cancel():
                self.decide_on(entry, None)
            case Foreign():
                original = next(iter(self.actuals(entry)), None)
                self.tie(step.tie, entry, write(self, entry, step.kind), "Replacing", original)
            case TakenBack():
                for original in self.counting(entry):
                    self.tie(step.tie, entry, take_back(self, entry, original), "Reversing", original)
            case Invoiced():
                self.invoiced(entry)

    def work(self, step: Work) -> None:
        """A worker handles entries, on a line of its own."""
        if step.fate is Fate.ANSWER_LOST:
            self.dataverse.lose_the_answer()
        if step.fate is Fate.LOST:
            self.dataverse.fail(UnknownOutcome("lost", "Lost."))
        line = self._line(self.dataverse, step, self.live_through)
        # What happens after a look is not in it.
        is_told_all = step.when is not When.AFTER and self._line is LookingLine
        handler = Compared(self.handler, self.dataverse) if is_told_all else self.handler
        entries = [self.entries[number] for number in step.entries]
        outcomes = FixedPoint(line, seldom_changed=self.seldom_changed).settle(handler, entries)
        line.passes(step.when)  # It happens also where nothing was written.
        self.dataverse.faults.clear()
        self.told.append([_told(outcomes[entry]) for entry in entries])

    def come_to_rest(self) -> None:
        """What was left unsure is over, and nothing kept: all are looked at twice more."""
        for _ in range(2):
            self.dataverse.later(minutes=3)
            self.work(Work(tuple(range(ENTRIES))))

    def decide_on(self, entry: Ref, hours: int | None) -> None:
        """Approve for so many hours, an expense as it stands; or, for none, cancel the approval."""
        if entry.table == "msdyn_expense":
            approvals = self.dataverse.rows.of("msdyn_projectapproval").items()
            (own,) = (row for row, cells in approvals if cells.get("msdyn_expenseentry") == reference(entry))
            self.dataverse.put(own, msdyn_recordstage=2 if hours else 0)
            self.dataverse.put(reference(entry), msdyn_expensestatus=APPROVED if hours else DRAFT)
        elif hours:
            self.approve(entry, msdyn_salesquantity=Decimal(hours))
        else:
            self.cancel(entry)

    def counting(self, entry: Ref) -> list[Reference]:
        """The rows of an entry that count, whoever wrote them."""
        return [row for row, cells in self.actuals(entry).items() if cells.get("msdyn_adjustmentstatus") is None]

    def tie(self, tie: Tie, entry: Ref, row: Reference, role: str, original: Reference | None) -> None:
        """Tie a row to its entry in one way or another; where there is nothing to connect it to, in none."""
        if tie is not Tie.ORIGIN:
            untie(self, row)
        if tie is Tie.JOURNAL_LINE:
            by_journal_line(self, entry, row)
        if tie is Tie.CONNECTION and original is not None:
            connect(self, row, role, original)

    def invoiced(self, entry: Ref) -> None:
        """A colleague marks what counts of its sales ready and clicks Create Invoice."""
        for row in self.counting(entry):
            if self.dataverse.get(row)["msdyn_transactiontypecode"] == UNBILLED:
                self.dataverse.put(row, msdyn_billingstatus=READY)
        with suppress(Rejected):
            self.invoice_by_hand()


def _told(outcome: Outcome) -> Told:
    if isinstance(outcome, Settled):
        return ("Settled", outcome.because, outcome.commits, outcome.unsure)
    return ("Unsettled", outcome.failure.code, 0, outcome.unsure)
