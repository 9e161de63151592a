"""Marks backlog rows from the command line: what a message would command, carried out in-process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID, uuid4

from connector.dataverse.query import Query, any_of
from handlers import command_record
from handlers.fixed_point import Settled, Unsettled
from handlers.marking_record import Outcome, command_in, command_of, outcome_in
from handlers.readiness import MOST_ROWS
from handlers.reading import ask
from mappings import keys, tables
from mappings.backlog import Backlog
from mappings.ceiling import Ceiling
from mappings.marking import Mark
from mappings.messages import Marking, MarkNotReady, MarkReady
from mappings.row import Row
from mappings.selection import Filter, Selection
from service.app import App
from service.backlog_view import BacklogLine, Review
from service.missions import ceiling


@dataclass(frozen=True, slots=True)
class Marked:
    """What came of one command. ``failure`` is a sentence when the command could not be carried out."""

    command: UUID
    backlog: Backlog
    outcome: Outcome
    failure: str | None = None


@dataclass
class Preview:
    """What would come of each row, gathered while rows pass by; ``sums`` are what would be marked, by ISO code."""

    mark: Mark
    backlog: Backlog
    rows: list[UUID] = field(default_factory=list)
    already: list[UUID] = field(default_factory=list)
    refused: dict[UUID, str] = field(default_factory=dict)
    sums: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def pages(self, review: Review, selection: Selection) -> Iterator[list[BacklogLine]]:
        """The rows that would be marked, a page at a time."""
        for page in review.pages(self.backlog, selection):
            chosen = [line for line in page if self._takes(line)]
            if chosen:
                yield chosen
        missing = set(selection.rows) - set(self.every)
        self.refused |= dict.fromkeys(sorted(missing), "There is no such row in this backlog.")

    @property
    def every(self) -> list[UUID]:
        """All rows that were looked at: the command names them all, so that each gets its outcome."""
        return [*self.rows, *self.already, *self.refused]

    def above(self, ceiling: Ceiling) -> list[str]:
        """The ceilings that would be passed, each as a sentence."""
        return ceiling.above(len(self.rows), self.sums)

    def _takes(self, line: BacklogLine) -> bool:
        if self.mark.stands(line.row):
            self.already.append(line.id)
        elif (why := self.mark.why_not(line.row)) is not None:
            self.refused[line.id] = why
        else:
            self.rows.append(line.id)
            self.sums[line.currency] += abs(line.row.billable)
            return True
        return False


def selection(mark: Mark, rows: Sequence[UUID], where: Filter) -> Selection:
    """These rows, or those that meet the filter and stand where this mark is put on or taken off."""
    if rows:
        return Selection(rows=tuple(dict.fromkeys(rows)))
    return Selection(where=where.model_copy(update={"statuses": (mark.takes,)}))


def ceiling_of(app: App) -> Ceiling:
    """How much may be marked without a word."""
    return ceiling(app.settings)


def commands(mark: Mark, backlog: Backlog, requested_by: str, rows: Sequence[UUID]) -> Iterator[Marking]:
    """As few commands as hold these rows, each under a fresh id; how much it is was seen."""
    model = MarkReady if mark is Mark.READY else MarkNotReady
    for begin in range(0, len(rows), MOST_ROWS):
        yield model(
            command=uuid4(),
            requested_by=requested_by,
            backlog=backlog,
            rows=tuple(rows[begin : begin + MOST_ROWS]),
            confirmed=True,
        )


def recorded(app: App, ids: Sequence[UUID]) -> dict[UUID, Marking]:
    """The commands to mark that were given under these ids, or are recorded in rows of these ids."""
    by_row = {id: id for id in ids} | {keys.command_row_id(id): id for id in ids}
    wanted = any_of(f"{tables.COMMAND}id", sorted(by_row))
    (found,) = ask(app.dataverse, Query(tables.COMMAND, command_record.COLUMNS, wanted))
    told = {by_row[record.id]: _command_in(record, by_row[record.id]) for record in found}
    return {id: command for id, command in told.items() if command is not None}


def _command_in(record: Row, named: UUID) -> Marking | None:
    """The record's command, named by its own id or by that of its record."""
    if record.text("psac_kind") != command_record.Kind.COMMAND:
        return None
    id = named if record.id != named else command_of(record)
    return None if id is None else command_in(record, id)


def carry_out(app: App, command: Marking) -> Marked:
    """Mark, here and now."""
    match app.execute(command):
        case Settled(outcome=outcome):
            return Marked(command.command, command.backlog, outcome_in(outcome))
        case Unsettled(failure=failure):
            nothing = Outcome(Mark(command.kind), None)
            return Marked(command.command, command.backlog, nothing, f"{failure.sentence} ({failure.code})")
