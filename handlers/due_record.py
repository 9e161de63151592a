"""The record of a command to invoice what is due: which runs it found, before the first call, and what came of them.

Whoever gets the command again goes on with the runs that are recorded, under the same commands, and tells of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.changes import ChangeSet
from connector.dataverse.query import Query, any_of
from handlers import command_record
from handlers.command_record import Kind, State
from handlers.plan import Decision, NothingToDo, Plan, Refusals
from handlers.reading import ask
from mappings import keys, tables
from mappings.messages import CreateDueInvoices
from mappings.row import Row

MOST_TEXT = 1_000_000
"""Characters of an outcome that a record takes; of a longer one, only the word on each run is written down, with its
invoices as long as these fit."""
MOST_BECAUSE = 300
"""Characters of a run's reason that such a record takes."""
_NAMED = ("contract", "day", "command", "outcome")

Records = Mapping[CreateDueInvoices, Row | None]


@dataclass(frozen=True, slots=True)
class Kept:
    """A run as the record of a command keeps it: enough to find its attempt again."""

    contract: UUID
    day: date
    command: UUID


def subject_of(command: CreateDueInvoices) -> str:
    """What the record of a command says that it is about."""
    until = "today" if command.due is None else command.due.isoformat()
    return f"{command.kind} {until} {len(command.contracts) or 'all'}"


def kept_in(record: Row) -> tuple[date, tuple[Kept, ...]]:
    """The day up to which a command found runs due, and those runs."""
    selection = cast(Mapping[str, Any], command_record.selection_of(record))
    runs = (Kept(UUID(contract), date.fromisoformat(day), UUID(id)) for contract, day, id in selection["runs"])
    return date.fromisoformat(selection["until"]), tuple(runs)


def command_of(record: Row, *, confirmed: bool) -> CreateDueInvoices | None:
    """The command that a record is of, about all contracts up to a day; ``None`` where it does not tell, or is another.

    ``confirmed`` is not recorded.
    """
    selection = cast(Mapping[str, Any], command_record.selection_of(record))
    if "command" not in selection:
        return None
    command = CreateDueInvoices(
        command=UUID(selection["command"]),
        requested_by=record.text("psac_requestedby") or "",
        due=date.fromisoformat(selection["until"]),
        confirmed=confirmed,
    )
    return command if subject_of(command) == record.text("psac_subject") else None


@dataclass(frozen=True, slots=True)
class Begin:
    """Writes down which runs commands found, unless that is recorded already."""

    until: date
    runs: Sequence[Kept]

    def gather(
        self, subjects: Sequence[CreateDueInvoices], dataverse: Reader
    ) -> Mapping[CreateDueInvoices, Row | None]:
        """The record of each, where there is one."""
        return _records(subjects, dataverse)

    def decide(self, subject: CreateDueInvoices, facts: Row | None, refusals: Refusals) -> Decision:
        """Create it; its ``recorded`` runs are told, whoever created it."""
        if facts is not None:
            return NothingToDo("What is due is written down.", {"recorded": kept_in(facts)[1]})
        runs = [[str(one.contract), one.day.isoformat(), str(one.command)] for one in self.runs]
        selection = {"command": str(subject.command), "until": self.until.isoformat(), "runs": runs}
        record = command_record.created(
            keys.command_row_id(subject.command),
            Kind.SWEEP,
            subject_of(subject),
            subject.requested_by,
            State.RESOLVED,
            selection=selection,
        )
        return Plan("What is due is written down.", (ChangeSet((record,)),))


@dataclass(frozen=True, slots=True)
class End:
    """Writes down what came of commands, so that another delivery has the same answer."""

    outcome: Mapping[str, object]

    def gather(
        self, subjects: Sequence[CreateDueInvoices], dataverse: Reader
    ) -> Mapping[CreateDueInvoices, Row | None]:
        """The record of each, where there is one."""
        return _records(subjects, dataverse)

    def decide(self, subject: CreateDueInvoices, facts: Row | None, refusals: Refusals) -> Decision:
        """Finish the record, or create it where nothing was to be begun."""
        if facts is not None and command_record.state_of(facts) is State.DONE:
            return NothingToDo("The outcome is written down.", self.outcome)
        fitting = _fitting(self.outcome)
        if facts is not None:
            return Plan("The outcome is written down.", (ChangeSet((command_record.finished(facts, fitting),)),))
        record = command_record.created(
            keys.command_row_id(subject.command),
            Kind.SWEEP,
            subject_of(subject),
            subject.requested_by,
            State.DONE,
            outcome=fitting,
        )
        return Plan("The outcome is written down.", (ChangeSet((record,)),))


def _records(subjects: Sequence[CreateDueInvoices], dataverse: Reader) -> Records:
    ids = {one: keys.command_row_id(one.command) for one in subjects}
    wanted = any_of(f"{tables.COMMAND}id", ids.values())
    (found,) = ask(dataverse, Query(tables.COMMAND, command_record.COLUMNS, wanted))
    by_id = {row.id: row for row in found}
    return {one: by_id.get(id) for one, id in ids.items()}


def _fitting(outcome: Mapping[str, object]) -> Mapping[str, object]:
    """The outcome as far as a record takes it; the attempts tell the rest."""
    if len(command_record.text(outcome)) <= MOST_TEXT:
        return outcome
    runs = cast(Sequence[Mapping[str, Any]], outcome["runs"])
    unfit = cast(Sequence[object], outcome["unfit"])
    words = Counter(str(run["outcome"]) for run in runs)
    counts = {"runs": dict(words), "unfit": len(unfit)}
    shortened = {**outcome, "unfit": [], "shortened": True, "counts": counts}
    brief: dict[str, object] = {**shortened, "runs": [_brief(run) for run in runs]}
    if len(command_record.text(brief)) <= MOST_TEXT:
        return brief
    return {**shortened, "runs": [{name: run[name] for name in _NAMED} for run in runs]}


def _brief(run: Mapping[str, Any]) -> dict[str, object]:
    """What whoever is told of a run can't do without: which it was, what came of it, and its invoices."""
    told: dict[str, object] = {name: run[name] for name in (*_NAMED, "number", "total") if name in run}
    told["invoices"] = [{name: one.get(name) for name in ("id", "number", "total")} for one in run["invoices"]]
    return told | ({"because": str(run["because"])[:MOST_BECAUSE]} if "because" in run else {})
