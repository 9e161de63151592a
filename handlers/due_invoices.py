"""Creates the invoices that are due by schedule: each once, the oldest first, whoever and however often finds them due.

What is due is found anew every time. What was called for is not forgotten: an attempt whose outcome nobody has told is
taken up by whoever comes next, and a command that comes again tells of every run it was recorded with. A sweep is
refused as a whole where the product would do the same work, or can't be asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from connector.errors import Transient
from handlers.due_course import Course, Told
from handlers.due_look import Look, Sweep
from handlers.due_record import Begin, End, Kept
from handlers.fixed_point import AgainstTheRules, FixedPoint, Outcome, Settled, Unsettled
from handlers.invoicing import InvoicingHandler
from mappings.ceiling import Ceiling
from mappings.messages import CreateDueInvoices

NOT_ANNOUNCED = "not-announced"
"""The code of a command that is carried out, but for telling whoever listens."""


@dataclass(frozen=True, slots=True)
class DueInvoices:
    """Carries out ``CreateDueInvoices``, with what invoices any contract; above the ``ceiling`` only when confirmed.

    ``at_once``: how many contracts are at work at a time; the runs of one are made one after the other. ``stopping`` is
    asked before each contract: what is left then is left to the next sweep. ``told`` hears of each run as it ends, one
    after the other; a command that is refused looks up what was called for before where somebody hears of it.
    ``ended_before`` hears first of the runs that had ended when a command is gone on with, should the rest fail.
    ``before_end`` hears of the outcome before it is written down, and says why that must not be done yet, if so.
    """

    invoicing: InvoicingHandler
    ceiling: Ceiling | None = None
    at_once: int = 1
    stopping: Callable[[], bool] = lambda: False
    told: Callable[[Told], None] | None = None
    ended_before: Callable[[Sequence[Told]], None] = lambda runs: None
    before_end: Callable[[Told], str] = lambda outcome: ""

    def settle(
        self, commands: Sequence[CreateDueInvoices], fixed_point: FixedPoint
    ) -> dict[CreateDueInvoices, Outcome]:
        """One outcome per command. Failures of Dataverse become outcomes; nothing is raised for them."""
        return {command: self._settled(command, fixed_point) for command in commands}

    def _settled(self, command: CreateDueInvoices, fixed_point: FixedPoint) -> Outcome:
        looked = self._looked(command, fixed_point)
        if not isinstance(looked, Sweep):
            return looked
        if command.dry_run:
            return Settled("It was a dry run: nothing was written.", looked.plain())
        if looked.refusal is not None:
            if self.told is not None:
                self._course(command, looked, fixed_point).run()
            return Unsettled(AgainstTheRules(looked.refusal.code, looked.refusal.sentence))
        if looked.pieces:
            runs = tuple(Kept(one.run.contract, one.run.day, one.command) for one in looked.pieces)
            begun = fixed_point.settle(Begin(looked.until, runs), [command])[command]
            if isinstance(begun, Unsettled):
                return begun
            if begun.outcome["recorded"] != runs:
                # Another delivery was faster: its record counts.
                looked = self._looked(command, fixed_point)
                if not isinstance(looked, Sweep):
                    return looked
        course = self._course(command, looked, fixed_point)
        self.ended_before(course.ended_before())
        course.run()
        if (failure := course.failure) is not None:
            return Unsettled(failure.failure, course.unsure, failure.operations, course.given_up(), course.news())
        outcome = course.outcome()
        if not looked.pieces and not looked.facts.due.unfit:
            return Settled(_in_short(outcome), outcome)
        if held := self.before_end(outcome):
            return Unsettled(Transient(NOT_ANNOUNCED, held), course.unsure, frozenset(), outcome, course.news())
        ended = fixed_point.settle(End(outcome), [command])[command]
        if isinstance(ended, Unsettled):
            unsure = course.unsure or ended.unsure
            return replace(ended, unsure=unsure, outcome=course.given_up(), news=course.news())
        commits, unsure = course.commits + ended.commits, course.unsure or ended.unsure
        return Settled(_in_short(outcome), outcome, commits, unsure, course.operations | ended.operations)

    def _course(self, command: CreateDueInvoices, sweep: Sweep, fixed_point: FixedPoint) -> Course:
        ceiling = None if command.confirmed else self.ceiling
        return Course(
            command, sweep, fixed_point, self.invoicing, ceiling, self.at_once, stopping=self.stopping, told=self.told
        )

    def _looked(self, command: CreateDueInvoices, fixed_point: FixedPoint) -> Sweep | Outcome:
        looked = fixed_point.settle(Look(self.invoicing, self.ceiling), [command])[command]
        found = looked.outcome.get("sweep") if isinstance(looked, Settled) else None
        return found if isinstance(found, Sweep) else looked


def _in_short(outcome: Told) -> str:
    words = [str(run["outcome"]) for run in _runs(outcome)]
    said = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    left = f", {outcome['left']} left" if "left" in outcome else ""
    return f"Due up to {outcome['until']}: {said or 'nothing'}{left}."


def _runs(outcome: Told) -> Iterable[Told]:
    runs = outcome["runs"]
    return runs if isinstance(runs, list) else []
