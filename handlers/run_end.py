"""Finds whether a run whose commands came as messages has come to its end, and writes down what came of it.

Nobody watches such a run: its commands end one by one, wherever they are worked on. So whoever sent them also sends a
message that asks for a look, and that look is taken again, at growing distances, until every contract has its outcome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.changes import ChangeSet
from connector.dataverse.query import Query, any_of
from handlers import command_record
from handlers.command_record import State
from handlers.plan import Decision, NothingToDo, NotYet, Plan, Refusals
from handlers.reading import ask
from handlers.run_attempts import Attempt, attempts_of
from mappings import keys, tables
from mappings.invoice_run import Outcome, contracts_in, outcome, word_of
from mappings.messages import LookAtRun
from mappings.row import Row

LONGEST = timedelta(hours=12)
"""After this long what has no outcome is told as such: its command was put aside, or will be by a person's hand."""
CALLED = "The call was made; what came of it is looked up when the run is resumed."
NO_RECORD = "Nothing is recorded of its command; look for it among the dead letters, or resume the run."


@dataclass(frozen=True, slots=True)
class EndFacts:
    """The run's record, if it can be read, and the latest attempt on each of its contracts that has one."""

    record: Row | None
    attempts: Mapping[UUID, Attempt] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunEnds:
    """The handler of ``LookAtRun``."""

    now: Callable[[], datetime]

    def gather(self, subjects: Sequence[LookAtRun], dataverse: Reader) -> Mapping[LookAtRun, EndFacts]:
        """Read each run's record; of those without an end, what their contracts' commands recorded."""
        ids = {one: keys.run_row_id(one.run) for one in subjects}
        (records,) = ask(
            dataverse, Query(tables.COMMAND, command_record.COLUMNS, any_of(f"{tables.COMMAND}id", ids.values()))
        )
        known = {record.id: record for record in records}
        found: dict[LookAtRun, EndFacts] = {}
        for one, id in ids.items():
            record = known.get(id)
            if record is None or command_record.state_of(record) is State.DONE:
                found[one] = EndFacts(record)
            else:
                found[one] = EndFacts(record, attempts_of(one.run, _contracts(record), dataverse))
        return found

    def decide(self, subject: LookAtRun, facts: EndFacts, refusals: Refusals) -> Decision:
        """Write the end once every contract has its outcome; or, at last, which have none."""
        record = facts.record
        if record is None:
            return NothingToDo("There is no such run.")
        if command_record.state_of(record) is State.DONE:
            return NothingToDo("The end of the run is written down.")
        contracts = _contracts(record)
        ended = {id: one for id, one in facts.attempts.items() if one.is_ended}
        open = [id for id in contracts if id not in ended]
        if open and self.now() - _begun(record) < LONGEST:
            return NotYet(f"{len(open)} of {len(contracts)} contracts have no outcome yet.")
        words = {id: word_of(one.outcome) for id, one in ended.items()}
        left = [(id, word, ended[id].because) for id, word in words.items() if not word.is_final]
        left += [(id, *_open(facts.attempts.get(id))) for id in open]
        told = outcome(len(contracts), Counter(words.values()), left)
        return Plan("The end of the run is written down.", (ChangeSet((command_record.finished(record, told),)),))


def _contracts(record: Row) -> tuple[UUID, ...]:
    return contracts_in(cast(dict[str, Any], command_record.selection_of(record)))


def _begun(record: Row) -> datetime:
    begun = record.instant("createdon")
    if begun is None:
        raise TypeError(f"{record.ref}: createdon is empty.")
    return begun


def _open(attempt: Attempt | None) -> tuple[Outcome, str]:
    if attempt is None or attempt.state is State.WITHDRAWN:
        return Outcome.FAILED, NO_RECORD
    return Outcome.IN_DOUBT, CALLED
