"""What a command that is given again would come to, asked of its own handler; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never, cast

from connector.dataverse.access import Reader
from connector.dataverse.changes import ChangeSet, Committed, Create, Record
from connector.dataverse.query import Query
from connector.errors import ConnectorError
from handlers import Mission
from handlers.due_look import Look, Sweep
from handlers.fixed_point import AgainstTheRules, FixedPoint, Settled
from handlers.plan import Decision, NothingToDo, Plan, Refuse
from mappings.marking import Mark
from mappings.messages import (
    AnyCommand,
    CreateDueInvoices,
    CreateInvoices,
    CreateManyInvoices,
    LookAtRun,
    Marking,
    MarkNotReady,
    MarkReady,
)

Foretold = tuple[str, Decision | None]
"""The sentence that says it, empty where the decision's own does; ``None``: it can't be told."""


class _ReadOnly:
    """A Dataverse that answers and takes nothing: a rehearsal that would write is a mistake of ours."""

    def __init__(self, dataverse: Reader) -> None:
        self._dataverse = dataverse

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        """Answer every question."""
        return self._dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        """Refuse."""
        raise RuntimeError("a rehearsal writes nothing")


@dataclass(frozen=True, slots=True)
class Commands:
    """Asks the handlers of a mission."""

    mission: Mission
    dataverse: Reader

    def foretold(self, command: AnyCommand | LookAtRun) -> Foretold:
        """What this would come to. Raises ``ConnectorError``."""
        if not isinstance(command, CreateInvoices | LookAtRun) and command.dry_run:
            return "", NothingToDo("It is a dry run itself: it writes nothing, and is only answered.")
        match command:
            case MarkReady() | MarkNotReady():
                return self._marking(command)
            case CreateInvoices():
                return self._invoice(command)
            case CreateManyInvoices():
                return self._run(command)
            case CreateDueInvoices():
                return self._due(command)
            case LookAtRun():
                return "Whether a run has come to its end is looked at; its end is announced, once.", None
            case _:
                assert_never(command)

    def _marking(self, command: Marking) -> Foretold:
        handler = self.mission.readiness
        facts = handler.gather([command], self.dataverse)[command]
        decision = handler.decide(command, facts, {})
        if facts.record is not None or not isinstance(decision, Plan):
            return "", decision
        looked = command.model_copy(update={"dry_run": True})
        would = handler.decide(looked, handler.gather([looked], self.dataverse)[looked], {})
        if not isinstance(would, NothingToDo):
            return "", would
        mark = Mark(command.kind)
        counts = {word: len(cast(Any, would.outcome[word])) for word in (mark.done, "already", "refused")}
        told = f"{counts[mark.done]} rows would be {mark.words}; {counts['already']} are so already"
        return f"{told}, {counts['refused']} would be refused.", decision

    def _invoice(self, command: CreateInvoices) -> Foretold:
        handler = self.mission.single
        facts = handler.gather([command], self.dataverse)[command]
        decision = handler.decide(command, facts, {})
        if isinstance(decision, Plan) and facts.invoice.attempt is None and _makes_lease(decision):
            due = facts.invoice.expected(self.mission.invoicing.zone, several=self.mission.invoicing.several)
            said = f"{decision.because} Then {len(due.rows)} ready rows are invoiced, unless that is above a ceiling."
            return said, decision
        return "", decision

    def _run(self, command: CreateManyInvoices) -> Foretold:
        handler = self.mission.runs
        decision = handler.decide(command, handler.gather([command], self.dataverse)[command], {})
        if isinstance(decision, NothingToDo):
            return "It is recorded; its contracts are commanded once more, and what is not invoiced yet is.", Plan(
                "", ()
            )
        return "", decision

    def _due(self, command: CreateDueInvoices) -> Foretold:
        look = Look(self.mission.due.invoicing, self.mission.due.ceiling)
        looked = FixedPoint(_ReadOnly(self.dataverse)).settle(look, [command])[command]
        if not isinstance(looked, Settled):
            failure = looked.failure
            if isinstance(failure, AgainstTheRules):
                return "", Refuse(failure.code, failure.sentence)
            return f"{failure.sentence} ({failure.code})", None
        sweep = looked.outcome.get("sweep")
        if not isinstance(sweep, Sweep):
            return "", NothingToDo(looked.because)
        if sweep.refusal is not None:
            return "", Refuse(sweep.refusal.code, sweep.refusal.sentence)
        unfinished = sum(one.called for one in sweep.pieces)
        if not sweep.pieces:
            return "", NothingToDo("Nothing is due.")
        runs = len(sweep.pieces) - unfinished
        return f"Due are {runs} runs; {unfinished} of an earlier call are not finished.", Plan("", ())


def _makes_lease(plan: Plan) -> bool:
    changes = [change for one in plan.change_sets for change in one.changes]
    return len(changes) == 1 and isinstance(changes[0], Create) and changes[0].values.get("psac_kind") == "lease"
