"""Creates the invoices that are due by schedule: each once, the oldest first, whoever and however often finds them due.

What is due is found anew every time; nothing is remembered between two sweeps but what stands in the schedule rows and
in the attempts. A sweep is refused as a whole where the product would do the same work, or can't be asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from connector.dataverse.access import Reader
from connector.dataverse.changes import ChangeSet
from connector.dataverse.query import Query, any_of
from connector.errors import ConnectorError, Misconfigured, Rejected, Transient
from handlers import command_record
from handlers.command_record import Kind, State
from handlers.due_look import Look, Sweep, named, subject_of
from handlers.due_run import FAILED, DueRunHandler
from handlers.fixed_point import FixedPoint, Outcome, Settled, Unsettled
from handlers.invoicing import InvoicingHandler
from handlers.plan import Decision, NothingToDo, Plan, Refusals
from handlers.reading import ask
from mappings import keys, tables
from mappings.ceiling import Ceiling
from mappings.messages import CreateDueInvoices, CreateInvoices
from mappings.schedule import DueRun, by_contract

IN_DOUBT = "in-doubt"
UNFINISHED = (FAILED, IN_DOUBT, "refused", "already-running")
WAITING = "waiting"
"""A later run of a contract whose earlier one did not come to its end: it would take what is the earlier one's."""


@dataclass(frozen=True, slots=True)
class _Record:
    """Writes down what came of commands, so that another delivery has the same answer."""

    outcomes: Mapping[CreateDueInvoices, Mapping[str, object]]

    def gather(self, subjects: Sequence[CreateDueInvoices], dataverse: Reader) -> Mapping[CreateDueInvoices, bool]:
        ids = {one: keys.command_row_id(one.command) for one in subjects}
        (found,) = ask(dataverse, Query(tables.COMMAND, (), any_of(f"{tables.COMMAND}id", ids.values())))
        there = {row.id for row in found}
        return {one: id in there for one, id in ids.items()}

    def decide(self, subject: CreateDueInvoices, facts: bool, refusals: Refusals) -> Decision:
        outcome = self.outcomes[subject]
        if facts:
            return NothingToDo(_in_short(outcome), outcome)
        record = command_record.created(
            keys.command_row_id(subject.command),
            Kind.SWEEP,
            subject_of(subject),
            subject.requested_by,
            State.DONE,
            outcome=outcome,
        )
        return Plan("The outcome is written down.", (ChangeSet((record,)),))


@dataclass(frozen=True, slots=True)
class DueInvoices:
    """Carries out ``CreateDueInvoices``, with what invoices any contract; above the ``ceiling`` only when confirmed.

    ``stopping`` is asked between two invoices: what is left then is left to the next sweep.
    """

    invoicing: InvoicingHandler
    ceiling: Ceiling | None = None
    stopping: Callable[[], bool] = lambda: False

    def settle(
        self, commands: Sequence[CreateDueInvoices], fixed_point: FixedPoint
    ) -> dict[CreateDueInvoices, Outcome]:
        """One outcome per command. Failures of Dataverse become outcomes; nothing is raised for them."""
        looked = fixed_point.settle(Look(self.invoicing, self.ceiling), commands)
        return {command: self._carried_out(command, looked[command], fixed_point) for command in commands}

    def look(self, command: CreateDueInvoices, fixed_point: FixedPoint) -> Sweep | Outcome:
        """What it would be about, or why it would not be carried out."""
        outcome = fixed_point.settle(Look(self.invoicing, self.ceiling), [command])[command]
        return _sweep_in(outcome) or outcome

    def _carried_out(self, command: CreateDueInvoices, looked: Outcome, fixed_point: FixedPoint) -> Outcome:
        sweep = _sweep_in(looked)
        if sweep is None:
            return looked
        if command.dry_run:
            return Settled("It was a dry run: nothing was written.", sweep.plain())
        course = _Course(command, self.invoicing, sweep, fixed_point)
        for chain in by_contract(sweep.facts.due.runs):
            if self.stopping():
                return Settled("It was asked to stop; the rest is left to the next sweep.", course.so_far())
            if (ended := course.along(chain)) is not None:
                return ended
        if course.failure is not None:
            return Unsettled(course.failure, course.unsure)
        outcome = course.so_far()
        if not course.told and not sweep.facts.due.unfit:
            return Settled(_in_short(outcome), outcome)
        written = fixed_point.settle(_Record({command: outcome}), [command])[command]
        if isinstance(written, Settled):
            return Settled(written.because, outcome, course.commits + written.commits, course.unsure or written.unsure)
        return Unsettled(written.failure, course.unsure or written.unsure)


@dataclass
class _Course:
    """What has come of the runs so far."""

    command: CreateDueInvoices
    invoicing: InvoicingHandler
    sweep: Sweep
    fixed_point: FixedPoint
    told: list[dict[str, object]] = field(default_factory=list)
    failure: ConnectorError | None = None
    unsure: bool = False
    commits: int = 0

    def so_far(self) -> dict[str, object]:
        """It as it is written down and answered."""
        return {"until": self.sweep.until.isoformat(), "runs": self.told, "unfit": self.sweep.unfit()}

    def along(self, chain: Sequence[DueRun]) -> Unsettled | None:
        """Invoice one contract's runs, the oldest first, until one does not come to its end.

        Returned is what ends the whole command: nobody could be invoiced now.
        """
        for number, run in enumerate(chain):
            outcome = self._settled(run)
            self.unsure |= outcome.unsure
            if isinstance(outcome, Settled):
                self.commits += outcome.commits
                self.told.append(named(run, self.sweep) | dict(outcome.outcome))
                if outcome.outcome.get("outcome") not in UNFINISHED:
                    continue
            elif isinstance(outcome.failure, Rejected):
                because = f"{outcome.failure.sentence} ({outcome.failure.code})"
                word = IN_DOUBT if outcome.failure.code.endswith(IN_DOUBT) else FAILED
                self.told.append(named(run, self.sweep) | {"outcome": word, "invoices": [], "because": because})
            elif isinstance(outcome.failure, Misconfigured | Transient):
                return Unsettled(outcome.failure, self.unsure)
            else:
                self.failure = outcome.failure
                return None
            waiting = {"outcome": WAITING, "invoices": [], "because": f"The run of {run.day} comes first."}
            self.told += [named(later, self.sweep) | waiting for later in chain[number + 1 :]]
            return None
        return None

    def _settled(self, run: DueRun) -> Outcome:
        command = CreateInvoices(
            command=run.command(self.sweep.facts.generations.get(run, 0)),
            requested_by=self.command.requested_by,
            correlation=self.command.correlation,
            contract=run.contract,
        )
        return self.fixed_point.settle(DueRunHandler(run, self.invoicing), [command])[command]


def _sweep_in(outcome: Outcome) -> Sweep | None:
    found = outcome.outcome.get("sweep") if isinstance(outcome, Settled) else None
    return found if isinstance(found, Sweep) else None


def _in_short(outcome: Mapping[str, object]) -> str:
    runs = cast(Sequence[Mapping[str, object]], outcome["runs"])
    words = [str(run["outcome"]) for run in runs]
    said = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    return f"Due up to {outcome['until']}: {said or 'nothing'}."
