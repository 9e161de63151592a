"""Marks backlog rows ready to invoice, or takes the mark off, once per command.

The command's selection is resolved a single time, to rows in the version they had, and written down before anything is
marked. Only those rows, in that version, are then changed; a row somebody touched since is left alone and named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID
from zoneinfo import ZoneInfo

from connector.dataverse.access import Reader
from connector.dataverse.changes import Change, ChangeSet, Update
from connector.dataverse.query import Condition, Query, any_of
from connector.errors import Conflict
from handlers import command_record, marking_record, people, rows
from handlers.command_record import Kind, State
from handlers.judged_rows import judged, judged_by
from handlers.marking_record import Outcome, Selected
from handlers.plan import Decision, NothingToDo, Plan, Refusals, Refuse
from handlers.reading import ask
from handlers.ready_action import NoReadyAction, ReadyAction, refuse_milestones
from handlers.selecting import condition
from mappings import keys, tables
from mappings.acting import AS_SIGNED_IN, Acting, Person
from mappings.backlog import Backlog, BacklogRow
from mappings.ceiling import CURRENCY_COLUMNS, Ceiling, sums
from mappings.marking import Mark
from mappings.messages import Marking
from mappings.not_to_exceed import NotToExceed
from mappings.refusal import Refusal
from mappings.row import Row

MOST_ROWS = 5000
"""Rows one command may mark; a larger selection is refused before anything is written."""

TOUCHED = ("modifiedon", "modifiedby", "modifiedonbehalfby")
"""Who wrote a row last, and when; and who did so for them, in their name."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The command's record if there is one, and the rows it is about (or would be, if it were given now).

    ``people``: those who may be meant by who asks, where that matters. ``currencies``: those of the rows, where sums
    matter. ``unfit``: why the filter can't be asked. ``names``: of those who wrote rows since.
    ``way``: how the product marks them by itself, where it alone does.
    """

    record: Row | None
    rows: tuple[BacklogRow, ...]
    people: tuple[Person, ...] = ()
    currencies: tuple[Row, ...] = ()
    unfit: Refusal | None = None
    names: Mapping[UUID, str] | None = None
    way: ReadyAction | NoReadyAction | None = None


@dataclass(frozen=True, slots=True)
class ReadinessHandler:
    """The handler of ``MarkReady`` and ``MarkNotReady``.

    Rows are marked for whom ``acting`` says; the record is the service's. ``zone`` is the one business dates are meant
    in; above the ``ceiling`` a command is refused unless it says that it was confirmed. ``by_action``
    asks how actuals are marked where the product alone marks them, which it then does with milestones too. ``check`` is
    the not-to-exceed check that actuals must not have failed.
    """

    zone: ZoneInfo
    acting: Acting = AS_SIGNED_IN
    ceiling: Ceiling | None = None
    by_action: Callable[[], ReadyAction | NoReadyAction] | None = None
    check: NotToExceed | None = None

    def gather(self, subjects: Sequence[Marking], dataverse: Reader) -> Mapping[Marking, Readiness]:
        """Read each command's record, then its rows."""
        ids = [keys.command_row_id(command.command) for command in subjects]
        records, *users = ask(
            dataverse,
            Query(tables.COMMAND, command_record.COLUMNS, any_of(f"{tables.COMMAND}id", ids)),
            *people.questions(self.acting, (command.requested_by for command in subjects)),
        )
        who = people.people(users)
        found = {record.id: record for record in records}
        of_actuals = any(command.backlog is Backlog.TIME_AND_MATERIAL for command in subjects)
        way = self.by_action() if self.by_action is not None and of_actuals else None
        facts = {
            # A dry run is about now, whatever was done before.
            command: self._facts(command, None if command.dry_run else found.get(id), who, dataverse)
            for command, id in zip(subjects, ids, strict=True)
        }
        return {
            command: replace(one, way=way if command.backlog is Backlog.TIME_AND_MATERIAL else None)
            for command, one in facts.items()
        }

    def _facts(self, command: Marking, record: Row | None, who: tuple[Person, ...], dataverse: Reader) -> Readiness:
        if record is not None:
            if command_record.state_of(record) is State.DONE or marking_record.asked(record) != marking_record.digest(
                command
            ):
                return Readiness(record, (), who)
            chosen = marking_record.selected(record)
            found = self._by_id(command.backlog, [one.id for one in chosen], dataverse)
            return Readiness(record, found, who, names=_names(chosen, found, dataverse))
        try:
            found = self._selected(command, dataverse)
        except Refusal as refusal:
            return Readiness(None, (), who, unfit=refusal)
        currencies: list[Row] = []
        if self.ceiling is not None or command.dry_run:
            used = sorted({one.currency for one in found if one.currency is not None})
            (currencies,) = ask(
                dataverse, Query(tables.CURRENCY, CURRENCY_COLUMNS, any_of("transactioncurrencyid", used))
            )
        return Readiness(None, found, who, currencies=tuple(currencies))

    def _selected(self, command: Marking, dataverse: Reader) -> tuple[BacklogRow, ...]:
        backlog, mark = command.backlog, Mark(command.kind)
        if command.rows:
            return self._by_id(backlog, command.rows, dataverse)
        where = condition(backlog, command.selection, (mark.takes,), self.zone, dataverse)
        # One more than may be marked is enough to know that there are too many.
        return self._judged(backlog, where, dataverse, top=MOST_ROWS + 1)

    def _by_id(self, backlog: Backlog, ids: Sequence[UUID], dataverse: Reader) -> tuple[BacklogRow, ...]:
        return self._judged(backlog, any_of(f"{backlog.table}id", ids), dataverse)

    def _judged(
        self, backlog: Backlog, where: Condition, dataverse: Reader, top: int | None = None
    ) -> tuple[BacklogRow, ...]:
        columns = (*judged_by(backlog, self.check), *TOUCHED)
        (answer,) = ask(dataverse, Query(backlog.table, columns, where, top=top))
        return tuple(judged((BacklogRow(backlog, row) for row in answer), dataverse, self.check))

    def decide(self, subject: Marking, facts: Readiness, refusals: Refusals) -> Decision:
        """First write down what was selected; then mark it; then write down what came of it."""
        record = facts.record
        if record is not None and marking_record.asked(record) != marking_record.digest(subject):
            return Refuse(
                "command-id-reused",
                f"{subject}: another command was given under this id before; give this one an id of its own.",
            )
        if record is not None and command_record.state_of(record) is State.DONE:
            return NothingToDo("The command has been carried out.", command_record.outcome_of(record))
        try:
            if facts.unfit is not None:
                raise facts.unfit
            if isinstance(facts.way, NoReadyAction):
                raise Refusal("unknown-ready-action", facts.way.sentence)
            if self.by_action is not None and subject.backlog is Backlog.MILESTONES:
                raise refuse_milestones()
            caller = self.acting.who(subject.requested_by, facts.people)
        except Refusal as refusal:
            return Refuse(refusal.code, refusal.sentence)
        if record is None:
            return self._resolve(subject, facts)
        mark, by_id = Mark(subject.kind), {row.row.id: row for row in facts.rows}
        to_mark = [row for one in marking_record.selected(record) if (row := _as_it_was(one, by_id, mark, refusals))]
        if to_mark:
            sets = tuple(ChangeSet((_write(mark, row, facts.way),), _partition(row), caller) for row in to_mark)
            return Plan(f"{len(sets)} rows of {subject.backlog} are {mark.words}.", sets, each_alone=True)
        outcome = _outcome(mark, subject.backlog, facts, record, refusals, _writers(record, caller, facts))
        return Plan("The outcome is written down.", (ChangeSet((command_record.finished(record, outcome.as_data()),)),))

    def _resolve(self, command: Marking, facts: Readiness) -> Decision:
        if len(facts.rows) > MOST_ROWS:
            return Refuse(
                "too-many-rows",
                f"The command selects more than {MOST_ROWS} rows, which is as many as go in one. Select fewer.",
            )
        mark = Mark(command.kind)
        refused = {row.row.id: why for row in facts.rows if (why := mark.why_not(row))}
        missing = set(command.rows) - {row.row.id for row in facts.rows}
        refused |= dict.fromkeys(sorted(missing), "There is no such row in this backlog.")
        already = [row.row.id for row in facts.rows if mark.stands(row)]
        chosen = [row for row in facts.rows if row.row.id not in refused and not mark.stands(row)]
        worth = sums(chosen, facts.currencies)
        above = [] if self.ceiling is None else self.ceiling.above(len(chosen), worth)
        if command.dry_run:
            outcome = Outcome(
                mark, mark.writes(command.backlog), tuple(row.row.id for row in chosen), tuple(already), refused
            )
            told = {"sums": {code: str(amount) for code, amount in worth.items()}, "above_ceiling": above}
            return NothingToDo("It was a dry run: nothing was written.", {"dry_run": True, **outcome.as_data(), **told})
        if above and not command.confirmed:
            return Refuse("over-ceiling", f'{" ".join(above)} If that is meant, say so with "confirmed": true.')
        record = command_record.created(
            keys.command_row_id(command.command),
            Kind.COMMAND,
            f"{mark} {command.backlog}",
            command.requested_by,
            State.RESOLVED,
            selection=marking_record.selection(command, chosen, already, refused),
        )
        return Plan(f"{len(chosen)} rows of {command.backlog} are selected.", (ChangeSet((record,)),))


def _names(chosen: Iterable[Selected], found: Iterable[BacklogRow], dataverse: Reader) -> dict[UUID, str]:
    """The names of those who wrote, since the selection, the rows that were selected."""
    before = {one.id: one.version for one in chosen}
    who = {id for one in found if one.row.version != before[one.row.id] and (id := one.row.link_id("modifiedby"))}
    if not who:
        return {}
    (users,) = ask(dataverse, Query(tables.USER, ("fullname",), any_of("systemuserid", sorted(who))))
    return {user.id: name for user in users if (name := user.text("fullname"))}


def _as_it_was(
    selected: Selected, found: Mapping[UUID, BacklogRow], mark: Mark, refusals: Refusals
) -> BacklogRow | None:
    """The row, if it still is in the version it was selected in and there is no word against it."""
    row = found.get(selected.id)
    if row is None or row.row.version != selected.version or mark.why_not(row) is not None:
        return None
    refused = refusals.get(rows.reference(row.row.ref))
    return row if refused is None or isinstance(refused, Conflict) else None


def _write(mark: Mark, row: BacklogRow, way: ReadyAction | NoReadyAction | None) -> Change:
    if isinstance(way, ReadyAction):
        return way.call(mark, row)
    values = {row.backlog.status_column: mark.writes(row.backlog)}
    return Update(rows.reference(row.row.ref), values, row.row.version)


def _partition(row: BacklogRow) -> str:
    return f"{tables.CONTRACT}/{row.contract}"


@dataclass(frozen=True, slots=True)
class _Writers:
    """The service, and who a command's rows were written as: a person it acted for, or itself."""

    service: UUID | None
    person: UUID | None

    def wrote_another(self, row: Row) -> bool:
        """The last to write the row was this service, at another one's command; it writes nothing but marks there."""
        by = row.link_id("modifiedby")
        return by != self.person and self.service == (row.link_id("modifiedonbehalfby") or by)


def _writers(record: Row, caller: UUID | None, facts: Readiness) -> _Writers:
    service = record.link_id("createdby")
    people = (one.row.id for one in facts.people if caller is not None and one.object_id == caller)
    return _Writers(service, next(people, service))


def _outcome(
    mark: Mark, backlog: Backlog, facts: Readiness, record: Row, refusals: Refusals, writers: _Writers
) -> Outcome:
    """What came of each row.

    A row that stands as it should was written by us, unless our write met a conflict or the row names another writer
    of ours: whoever touched it besides leaves no trace of who marked it.
    """
    already, refused = marking_record.set_aside(record)
    found, names = {one.row.id: one for one in facts.rows}, facts.names or {}
    done, standing, changed = [], list(already), {}
    was = {}
    for one in marking_record.selected(record):
        row = found.get(one.id)
        refusal = None if row is None else refusals.get(rows.reference(row.row.ref))
        if row is None:
            changed[one.id] = "It no longer exists."
        elif refusal is not None and not isinstance(refusal, Conflict):
            # However it stands now: what was refused to us, somebody else wrote.
            refused[one.id] = refusal.sentence
        elif mark.stands(row) and row.row.version != one.version:
            if refusal is not None or writers.wrote_another(row.row):
                standing.append(one.id)
                continue
            done.append(one.id)
            if one.was is not None:
                was[one.id] = one.was
        else:
            changed[one.id] = _since(mark, row, names)
    return Outcome(mark, mark.writes(backlog), tuple(done), tuple(standing), refused, changed, was)


def _since(mark: Mark, row: BacklogRow, names: Mapping[UUID, str]) -> str:
    by, when = row.row.link("modifiedby"), row.row.instant("modifiedon")
    who = "somebody else" if by is None else names.get(by.id, str(by))
    at = "" if when is None else f" at {when:%Y-%m-%d %H:%M:%S} UTC"
    now = mark.why_not(row) or "Look at it and ask again."
    return f"It was changed since it was selected, last by {who}{at}, and was left alone. {now}"
