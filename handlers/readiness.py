"""Marks backlog rows ready to invoice, once per command.

The command's selection is resolved a single time, to rows in the version they had, and written down before anything is
marked. Only those rows, in that version, are then changed; a row somebody touched since is refused and named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import cast
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.changes import ChangeSet, Update
from connector.dataverse.query import Compare, Condition, Query, all_of, any_of, either, equals
from handlers import command_record, people, rows
from handlers.backlog_rows import of_contracts
from handlers.command_record import Kind, State
from handlers.doubles import doubled
from handlers.plan import Decision, NothingToDo, Plan, Refusals, Refuse
from handlers.reading import ask
from mappings import keys, tables
from mappings.acting import AS_SIGNED_IN, Acting, Person
from mappings.backlog import Backlog, BacklogRow
from mappings.choices import AdjustmentStatus, ProductType, TransactionType
from mappings.messages import MarkReady
from mappings.refusal import Refusal
from mappings.row import Row

MOST_ROWS = 5000
"""Rows one command may mark; a larger selection is refused before anything is written."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The command's record if there is one, and the rows it is about (or would be, if it were given now).

    ``people``: those who may be meant by who asks, where that matters.
    """

    record: Row | None
    rows: tuple[BacklogRow, ...]
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadinessHandler:
    """The handler of ``MarkReady``. Rows are marked for whom ``acting`` says; the record is the service's."""

    acting: Acting = AS_SIGNED_IN

    def gather(self, subjects: Sequence[MarkReady], dataverse: Reader) -> Mapping[MarkReady, Readiness]:
        """Read each command's record, then its rows."""
        ids = [keys.command_row_id(command.command) for command in subjects]
        records, *users = ask(
            dataverse,
            Query(tables.COMMAND, command_record.COLUMNS, any_of(f"{tables.COMMAND}id", ids)),
            *people.questions(self.acting, (command.requested_by for command in subjects)),
        )
        who = people.people(users)
        found = {record.id: record for record in records}
        return {
            command: Readiness(record := found.get(id), _rows_of(command, record, dataverse), who)
            for command, id in zip(subjects, ids, strict=True)
        }

    def decide(self, subject: MarkReady, facts: Readiness, refusals: Refusals) -> Decision:
        """First write down what was selected; then mark it; then write down what came of it."""
        record = facts.record
        if record is not None and _asked(record) != digest(subject):
            return Refuse(
                "command-id-reused",
                f"{subject}: another command was given under this id before; give this one an id of its own.",
            )
        if record is not None and command_record.state_of(record) is State.DONE:
            return NothingToDo("The command has been carried out.", command_record.outcome_of(record))
        try:
            caller = self.acting.who(subject.requested_by, facts.people)
        except Refusal as refusal:
            return Refuse(refusal.code, refusal.sentence)
        if record is None:
            return _resolve(subject, facts.rows)
        selected = dict(_selection(record))
        by_id = {row.row.id: row for row in facts.rows}
        to_mark = [
            row
            for id, version in selected.items()
            if (row := by_id.get(id)) and row.row.version == version and row.why_not() is None
            if rows.reference(row.row.ref) not in refusals
        ]
        if to_mark:
            sets = tuple(ChangeSet((_mark(row),), _partition(row), caller) for row in to_mark)
            return Plan(f"{len(sets)} rows of {subject.backlog} are marked ready.", sets, each_alone=True)
        outcome = _outcome(record, selected, by_id, refusals)
        return Plan("The outcome is written down.", (ChangeSet((command_record.finished(record, outcome),)),))


def _rows_of(command: MarkReady, record: Row | None, dataverse: Reader) -> tuple[BacklogRow, ...]:
    backlog = command.backlog
    if record is None and command.contracts:
        return judged(of_contracts([backlog], command.contracts, open_condition, dataverse), dataverse)
    ids = command.rows if record is None else [id for id, _ in _selection(record)]
    (answer,) = ask(dataverse, Query(backlog.table, backlog.columns, any_of(f"{backlog.table}id", ids)))
    return judged((BacklogRow(backlog, row) for row in answer), dataverse)


def judged(found: Iterable[BacklogRow], dataverse: Reader) -> tuple[BacklogRow, ...]:
    """The rows, with those marked that somebody else's actual doubles."""
    every = tuple(found)
    open_sales = [one.row.id for one in every if one.backlog is Backlog.TIME_AND_MATERIAL and one.why_not() is None]
    twice = doubled(open_sales, dataverse)
    return tuple(replace(one, is_doubled=True) if one.row.id in twice else one for one in every)


def open_condition(backlog: Backlog) -> Condition:
    """Rows that can be marked at all; the rules have the last word on each."""
    status = either(*(equals(backlog.status_column, status) for status in backlog.open_statuses))
    match backlog:
        case Backlog.TIME_AND_MATERIAL:
            sales = equals("msdyn_transactiontypecode", TransactionType.UNBILLED_SALES)
            untouched = [equals("msdyn_adjustmentstatus", one) for one in (None, AdjustmentStatus.IN_PROCESS)]
            return all_of(status, sales, either(*untouched))
        case Backlog.PRODUCTS:
            return all_of(status, Compare("producttypecode", "ne", ProductType.PROJECT_BASED_SERVICE))
        case Backlog.MILESTONES:
            return status


def _resolve(command: MarkReady, found: tuple[BacklogRow, ...]) -> Decision:
    if len(found) > MOST_ROWS:
        return Refuse(
            "too-many-rows",
            f"The command selects {len(found)} rows; at most {MOST_ROWS} go in one. Name fewer contracts.",
        )
    refused: dict[str, str] = {str(row.row.id): why for row in found if (why := row.why_not())}
    missing = set(command.rows) - {row.row.id for row in found}
    refused |= {str(id): "There is no such row in this backlog." for id in missing}
    chosen = sorted((str(row.row.id), row.row.version) for row in found if row.why_not() is None)
    record = command_record.created(
        keys.command_row_id(command.command),
        Kind.COMMAND,
        f"mark-ready {command.backlog}",
        command.requested_by,
        State.RESOLVED,
        selection={"asked": digest(command), "rows": chosen, "refused": refused},
    )
    return Plan(f"{len(chosen)} rows of {command.backlog} are selected.", (ChangeSet((record,)),))


def digest(command: MarkReady) -> str:
    """What is asked, in a formula that is frozen: records of older versions must keep matching their commands."""
    parts = ("mark-ready", command.backlog.value, *sorted(map(str, command.rows)), *sorted(map(str, command.contracts)))
    return sha256("|".join(parts).encode()).hexdigest()


def _asked(record: Row) -> str:
    return cast(dict[str, str], command_record.selection_of(record)).get("asked", "")


def _selection(record: Row) -> Iterator[tuple[UUID, str]]:
    selection = cast(dict[str, list[list[str]]], command_record.selection_of(record))
    for id, version in selection["rows"]:
        yield UUID(id), version


def _mark(row: BacklogRow) -> Update:
    return Update(rows.reference(row.row.ref), {row.backlog.status_column: row.backlog.ready}, row.row.version)


def _partition(row: BacklogRow) -> str:
    return f"{tables.CONTRACT}/{row.contract}"


def _outcome(
    record: Row, selected: Mapping[UUID, str], found: Mapping[UUID, BacklogRow], refusals: Refusals
) -> dict[str, object]:
    refused = dict(cast(dict[str, dict[str, str]], command_record.selection_of(record))["refused"])
    marked = []
    for id in selected:
        row = found.get(id)
        if row is None:
            refused[str(id)] = "It no longer exists."
        elif (refusal := refusals.get(rows.reference(row.row.ref))) is not None:
            refused[str(id)] = refusal.sentence
        elif row.is_ready:
            marked.append(str(id))
        else:
            since = row.why_not() or "Look at it and ask again."
            refused[str(id)] = f"It was marked and has moved on since, or somebody else changed it first. {since}"
    return {"marked": marked, "refused": refused}
