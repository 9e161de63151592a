"""Finds what is due, what each invoice would take, and whether it may be made at all; nothing is written here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query, any_of
from handlers import command_record, due_facts, people
from handlers.bounded_invoicing import OVER_CEILING, Beside, above
from handlers.command_record import State
from handlers.due_facts import DueFacts
from handlers.due_record import Kept, kept_in, subject_of
from handlers.invoicing import REFUSED, InvoicingHandler
from handlers.plan import Decision, NothingToDo, Refusals, Refuse
from handlers.reading import ask
from mappings import keys, tables
from mappings.acting import Person
from mappings.backlog import BacklogRow
from mappings.business_date import business_date
from mappings.ceiling import Ceiling, sums
from mappings.messages import CreateDueInvoices
from mappings.refusal import Refusal
from mappings.row import Row
from mappings.schedule import DueRun, shared_out

MOST_RUNS = 1000
"""Runs of one command, the oldest: none takes hours, and their ids fit into its record; what is left is another's.

Those with nothing ready come last: they may stay due for ever, and would keep the rest out.
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run and the command it is carried out by.

    ``called``: an attempt at it stands. ``outcome``: what came of it, where nothing more is to be done.
    """

    run: DueRun
    command: UUID
    called: bool = False
    outcome: Mapping[str, object] | None = None

    @property
    def has_ended(self) -> bool:
        """It was called for before, and what came of it is known."""
        return self.called and self.outcome is not None


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is to be done, with what each new run's invoice takes if they are made in order, the oldest first.

    ``count``, ``sums``: of all these rows. ``over``: what of it is above a ceiling, as sentences. ``left``: how many
    runs are due besides, with something ready or called for. ``refusal``: why nothing new is called for; only what was
    called for before is looked up.
    """

    until: date
    facts: DueFacts
    pieces: tuple[Piece, ...]
    taken: Mapping[DueRun, tuple[BacklogRow, ...]]
    count: int = 0
    sums: Mapping[str, Decimal] = field(default_factory=dict)
    over: tuple[str, ...] = ()
    left: int = 0
    refusal: Refuse | None = None

    def beside(self, piece: Piece) -> Beside:
        """What the other new runs take, so that together with what this one takes it can be held against a ceiling."""
        contract = piece.run.contract
        chain = [(run, rows) for run, rows in self.taken.items() if run.contract == contract]
        gone = sums((row for _, rows in chain for row in rows), self.facts.currencies)
        return Beside(
            tuple(row for run, rows in chain if run != piece.run for row in rows),
            self.count - sum(len(rows) for _, rows in chain),
            {code: amount - gone.get(code, Decimal(0)) for code, amount in self.sums.items()},
        )

    @property
    def chains(self) -> list[tuple[Piece, ...]]:
        """The runs of each contract, the oldest first: a later one takes what an earlier one leaves."""
        chains: defaultdict[UUID, list[Piece]] = defaultdict(list)
        for piece in self.pieces:
            chains[piece.run.contract].append(piece)
        return [tuple(chain) for chain in chains.values()]

    def plain(self) -> dict[str, object]:
        """It as a dry run answers it."""
        return {
            "dry_run": True,
            "until": self.until.isoformat(),
            "runs": [
                self.named(one) | {"ready": len(rows), "total": str(sum((row.billable for row in rows), Decimal(0)))}
                for one in self.pieces
                if not one.called
                for rows in (self.taken[one.run],)
            ],
            "unfinished": [self.named(one) for one in self.pieces if one.called],
            "unfit": self.unfit(),
            "above_ceiling": list(self.over),
            "left": self.left,
        }

    def named(self, piece: Piece) -> dict[str, object]:
        """A run as it is written down and answered; ``rows`` are its schedule rows."""
        run = piece.run
        contract = next((one for one in self.facts.contracts if one.id == run.contract), None)
        return {
            "contract": str(run.contract),
            "number": None if contract is None else contract.text("ordernumber"),
            "day": run.day.isoformat(),
            "rows": [str(id) for id in run.all_rows],
            "command": str(piece.command),
        }

    def unfit(self) -> list[dict[str, object]]:
        """The schedule rows, and milestones, that are due and can't be invoiced."""
        return [
            {
                "table": one.row.table,
                "row": str(one.row.id),
                "day": one.day.isoformat(),
                "contract": None if one.contract is None else str(one.contract),
                "why": one.why,
            }
            for one in self.facts.due.unfit
        ]


@dataclass(frozen=True, slots=True)
class Known:
    """What decides about a command. ``record``: what is written down of it from an earlier delivery."""

    record: Row | None
    people: tuple[Person, ...]
    today: date
    until: date
    kept: tuple[Kept, ...] | None = None
    facts: DueFacts | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Finds what a command is about; its decisions write nothing. ``regardless``: what is forbidden is told, too."""

    invoicing: InvoicingHandler
    ceiling: Ceiling | None
    regardless: bool = False

    def gather(self, subjects: Sequence[CreateDueInvoices], dataverse: Reader) -> Mapping[CreateDueInvoices, Known]:
        """The record of each command, or what is due."""
        ids = [keys.command_row_id(one.command) for one in subjects]
        records, *users = ask(
            dataverse,
            Query(tables.COMMAND, command_record.COLUMNS, any_of(f"{tables.COMMAND}id", ids)),
            *people.questions(self.invoicing.acting, (one.requested_by for one in subjects)),
        )
        by_id, who = {record.id: record for record in records}, people.people(users)
        zone = self.invoicing.zone
        today = business_date(self.invoicing.now(), zone)
        known = {}
        for one, id in zip(subjects, ids, strict=True):
            record = None if one.dry_run else by_id.get(id)
            until, kept = one.due or today, None
            if record is not None and (is_anothers(record, one) or command_record.state_of(record) is State.DONE):
                known[one] = Known(record, who, today, until)
                continue
            if record is not None:
                until, kept = kept_in(record)
            facts = due_facts.gather(until, one.contracts, zone, dataverse, kept or ())
            known[one] = Known(record, who, today, until, kept, facts)
        return known

    def decide(self, subject: CreateDueInvoices, facts: Known, refusals: Refusals) -> Decision:
        """What is to be done about it, as a ``sweep``; or that it is done, or may not be."""
        if facts.record is not None and is_anothers(facts.record, subject):
            return Refuse("command-id-reused", f"{subject}: another command was given under this id before.")
        found = facts.facts
        if facts.record is not None and found is None:
            return NothingToDo("The command has been carried out.", command_record.outcome_of(facts.record))
        found = found or DueFacts()
        nobody, forbidden = self._nobody(subject, facts), _forbidden(found)
        if facts.kept is not None:
            return self._carried_on(subject, facts, found, nobody or forbidden)
        if nobody is not None and not self.regardless:
            return nobody
        if facts.until > facts.today and not subject.dry_run:
            sentence = f"{facts.until} is still to come; what is due then can be looked at, not invoiced."
            return Refuse("not-due-yet", sentence)
        every = _found(found)
        sweep = self._sweep(facts, found, every)
        forbidden = forbidden or _too_much(subject, sweep)
        if forbidden is None or self.regardless:
            return NothingToDo("It was looked at.", {"sweep": replace(sweep, refusal=forbidden)})
        called = [one for one in every if one.called]
        if subject.dry_run or not called:
            return forbidden
        looked_up = replace(self._sweep(facts, found, called), refusal=forbidden)
        return NothingToDo("What was called for before is looked up.", {"sweep": looked_up})

    def _nobody(self, subject: CreateDueInvoices, facts: Known) -> Refuse | None:
        """Why nobody can be found to act for who asks, if nobody can."""
        try:
            self.invoicing.acting.who(subject.requested_by, facts.people)
        except Refusal as refusal:
            return Refuse(refusal.code, refusal.sentence)
        return None

    def _carried_on(
        self, subject: CreateDueInvoices, facts: Known, found: DueFacts, forbidden: Refuse | None
    ) -> NothingToDo:
        """What is left of a command that was begun. What it did is told, whatever has become forbidden since."""
        sweep = self._sweep(facts, found, _recorded(facts.kept or (), found))
        if (refusal := forbidden or _too_much(subject, sweep)) is not None:
            told = _not_any_more(refusal)
            pieces = tuple(one if one.called else replace(one, outcome=told) for one in sweep.pieces)
            sweep = replace(sweep, pieces=pieces)
        return NothingToDo("It is carried on.", {"sweep": sweep})

    def _sweep(self, facts: Known, found: DueFacts, pieces: Sequence[Piece]) -> Sweep:
        ordered = sorted(pieces, key=lambda one: (one.run.day, one.run.contract, not one.called, one.command))
        new = [one.run for one in ordered if not one.called]
        all_taken = shared_out(new, found.ready, facts.today, self.invoicing.zone)
        # What a later run takes is not changed by leaving out those that take nothing.
        worth = sorted(ordered, key=lambda one: not (one.called or all_taken[one.run]))
        kept = {one.command for one in worth[:MOST_RUNS]}
        left = sum(one.called or bool(all_taken[one.run]) for one in worth[MOST_RUNS:])
        taken_up = tuple(one for one in ordered if one.command in kept)
        taken = {one.run: all_taken[one.run] for one in taken_up if not one.called}
        rows = [row for several in taken.values() for row in several]
        amounts = sums(rows, found.currencies)
        over = [] if self.ceiling is None else self.ceiling.above(len(rows), amounts)
        return Sweep(facts.until, found, taken_up, taken, len(rows), amounts, tuple(over), left)


def is_anothers(record: Row, subject: CreateDueInvoices) -> bool:
    """Whether a record is that of another command, which was given under the same id."""
    return record.text("psac_subject") != subject_of(subject)


def _found(found: DueFacts) -> list[Piece]:
    """What is due now, and what was called for and is not through."""
    called = [Piece(one.run, one.command, called=True) for one in found.attempts if one.run is not None]
    return called + [_anew(run, found) for run in found.due.runs]


def _recorded(kept: Sequence[Kept], found: DueFacts) -> list[Piece]:
    """What a command set out to do, and nothing besides: each run by its attempt, or anew where there is none."""
    known = {one.command: one for one in found.attempts}
    due = {(run.contract, run.day): run for run in found.due.runs}
    pieces = []
    for one in kept:
        attempt, run = known.get(one.command), due.get((one.contract, one.day))
        bare = run or DueRun(one.contract, one.day, ())
        if attempt is not None:
            pieces.append(Piece(attempt.run or bare, one.command, True, attempt.outcome))
        else:
            pieces.append(Piece(bare, one.command) if run is None else _anew(run, found))
    return pieces


def _anew(run: DueRun, found: DueFacts) -> Piece:
    return Piece(run, run.command(found.generations.get(run, 0)))


def _too_much(subject: CreateDueInvoices, sweep: Sweep) -> Refuse | None:
    if not sweep.over or subject.confirmed or subject.dry_run:
        return None
    return Refuse(OVER_CEILING, above(sweep.over))


def _not_any_more(forbidden: Refuse) -> Mapping[str, object]:
    return {"outcome": REFUSED, "code": forbidden.code, "because": forbidden.sentence}


def _forbidden(found: DueFacts) -> Refuse | None:
    if not found.has_action:
        return Refuse(
            "no-schedule-action",
            f"This environment has no action {due_facts.ACTION}, and without it due invoices can't be made: another "
            "action would take more than what is due. Create them contract by contract.",
        )
    if found.jobs:
        names = ", ".join(f"{job.text('msdyn_name')} ({job.ref})" for job in found.jobs)
        return Refuse(
            "product-invoices-itself",
            f"The product's own job that creates invoices is active: {names}. Both would invoice the same rows. "
            "Deactivate it, or leave due invoices to it.",
        )
    return None
