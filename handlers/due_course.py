"""Carries a sweep out: contract by contract, several at work at a time, the runs of one in their order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.crew import side_by_side
from connector.errors import ConnectorError, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from handlers.announcing import given_up_as
from handlers.due_look import Piece, Sweep
from handlers.due_run import FAILED, DueRunHandler
from handlers.fixed_point import FixedPoint, Outcome, Settled, Unsettled
from handlers.invoicing import ENDED, REFUSED, InvoicingHandler
from handlers.plan import NOT_YET
from handlers.recorded import CallInDoubt
from mappings.ceiling import Ceiling
from mappings.messages import CreateDueInvoices, CreateInvoices

IN_DOUBT, RUNNING = "in-doubt", "already-running"
UNFINISHED = (REFUSED, FAILED, IN_DOUBT, RUNNING)
WAITING = "waiting"
"""A later run of a contract whose earlier one did not come to its end: it would take what is the earlier one's."""
AS_NOTHING = "resolved-as-nothing"
"""The code of a run whose call is known to have made no invoice."""
OWN_BUDGET = "own-budget"
"""The code of a wait for our own share of what Dataverse allows: nothing was sent, so Dataverse said nothing."""
ENOUGH = 12
"""How much in a row must speak for a fault that is everybody's before no other contract is begun."""
MUCH, LITTLE = 4, 1
"""How much one contract's failure speaks for that. One that takes too long, again and again and at the same place of
each sweep, must not keep those behind it from their invoices."""
TOO_LONG = frozenset({"sql-timeout", "timed-out"})
"""Codes of what a contract may bring about by being large."""

Told = Mapping[str, object]


@dataclass
class Chain:
    """What has come of one contract's runs: what is told of them, and the failure that ended them, if one did.

    ``news``: what no record told before.
    """

    told: list[Told] = field(default_factory=list)
    news: list[Told] = field(default_factory=list)
    failure: Unsettled | None = None
    commits: int = 0
    unsure: bool = False
    operations: frozenset[str] = frozenset()

    def given_up(self) -> list[Told]:
        """What is told of them, should nobody go on with the one that failed."""
        if self.failure is None:
            return self.told
        word = given_up_as(self.failure.failure).value
        return [{**run, "outcome": word} if run["outcome"] in UNFINISHED else run for run in self.told]


@dataclass
class Course:
    """What has come of a sweep's contracts so far; a run's call that takes all above the ``ceiling`` is not made.

    ``at_once``: how many contracts are at work at a time. ``stopping`` is asked before each contract; of those that are
    left then, the runs that had ended before are told all the same, as nobody else finds them. ``told`` hears of each
    run as it ends, one after the other.
    """

    command: CreateDueInvoices
    sweep: Sweep
    fixed_point: FixedPoint
    invoicing: InvoicingHandler
    ceiling: Ceiling | None = None
    at_once: int = 1
    stopping: Callable[[], bool] = lambda: False
    told: Callable[[Told], None] | None = None
    chains: list[Chain] = field(default_factory=list)
    _in_a_row: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Every contract, until all are through, or nobody could be invoiced now, or it is asked to stop."""
        self.chains = side_by_side("due", self.at_once, self._unless_stopped, self.sweep.chains)

    def ended_before(self) -> list[Told]:
        """The runs that had ended when this began; whoever was at them may have died before anybody was told."""
        return self._ended_of(self.sweep.pieces)

    def outcome(self) -> dict[str, object]:
        """It as it is written down and answered; ``left``: runs that were not begun."""
        return self._brought([run for chain in self.chains for run in chain.told])

    def given_up(self) -> dict[str, object]:
        """It as it is, should nobody go on with it."""
        return self._brought([run for chain in self.chains for run in chain.given_up()])

    def news(self) -> tuple[Told, ...]:
        """The runs that brought invoices just now."""
        return tuple(run for chain in self.chains for run in chain.news if run["invoices"])

    def _brought(self, told: Sequence[Told]) -> dict[str, object]:
        left = self.sweep.left + len(self.sweep.pieces) - len(told)
        return {"until": self.sweep.until.isoformat(), "runs": list(told), "unfit": self.sweep.unfit()} | (
            {"left": left} if left else {}
        )

    @property
    def failure(self) -> Unsettled | None:
        """Why it has to be gone on with: a fault of our own set-up only where no contract came through.

        What one contract lacks is told of that one.
        """
        failures = [chain.failure for chain in self.chains if chain.failure is not None]
        passing = [one for one in failures if not isinstance(one.failure, Misconfigured)]
        if passing:
            # What Dataverse said goes before our own waiting, which often only follows from it and would hide it.
            said = [one for one in passing if one.failure.code != OWN_BUDGET] or passing
            return next((one for one in said if isinstance(one.failure, Throttled)), said[0])
        # What ended in an earlier delivery, or called for no change, does not prove that we may write now.
        through = any(chain.failure is None and chain.commits for chain in self.chains)
        return failures[0] if failures and (self._is_ours or not through) else None

    @property
    def unsure(self) -> bool:
        """A write that was never answered may still land."""
        return any(chain.unsure for chain in self.chains)

    @property
    def commits(self) -> int:
        """How many change sets were written."""
        return sum(chain.commits for chain in self.chains)

    @property
    def operations(self) -> frozenset[str]:
        """The kinds of operation that went well."""
        return frozenset().union(*(chain.operations for chain in self.chains))

    @property
    def _is_ours(self) -> bool:
        return self._in_a_row >= ENOUGH

    def _unless_stopped(self, pieces: Sequence[Piece]) -> Chain:
        if self._is_ours or self.stopping():
            return Chain(self._ended_of(pieces))
        chain = self._along(pieces)
        with self._lock:
            failure = None if chain.failure is None else chain.failure.failure
            if isinstance(failure, Throttled):
                self._in_a_row = ENOUGH
            elif chain.failure is not None and (fault := fault_in(chain.failure)):
                self._in_a_row += fault
            elif not self._is_ours:
                self._in_a_row = 0
            if (tell := self.told) is not None:
                for run in chain.news:
                    tell(run)
        return chain

    def _along(self, pieces: Sequence[Piece]) -> Chain:
        """One contract's runs, the oldest first, until one does not come to its end."""
        chain = Chain()
        for number, piece in enumerate(pieces):
            outcome = self._carried_out(piece) if piece.outcome is None else Settled("", _ended(piece.outcome))
            chain.unsure |= outcome.unsure
            if isinstance(outcome, Settled):
                chain.commits += outcome.commits
                chain.operations |= outcome.operations
                told = self._told(piece, outcome.outcome)
            else:
                told = self._told(piece, _failed(outcome.failure))
                if not isinstance(outcome.failure, Rejected):
                    chain.failure = outcome
            chain.told.append(told)
            if not piece.has_ended:
                chain.news.append(told)
            if told["outcome"] in UNFINISHED:
                waiting = {"outcome": WAITING, "because": f"The run of {piece.run.day} comes first."}
                later = pieces[number + 1 :]
                rest = [self._told(one, waiting) for one in later if not one.has_ended]
                chain.told += [*self._ended_of(later), *rest]
                chain.news += rest
                break
        return chain

    def _ended_of(self, pieces: Sequence[Piece]) -> list[Told]:
        return [self._told(one, _ended(one.outcome)) for one in pieces if one.called and one.outcome is not None]

    def _told(self, piece: Piece, outcome: Told) -> dict[str, object]:
        """A run as it is written down and answered; ``ready`` counts what was ready on it when it was called for."""
        told = {"invoices": [], **outcome}
        return told | ({"ready": told["rows"]} if "rows" in told else {}) | self.sweep.named(piece)

    def _carried_out(self, piece: Piece) -> Outcome:
        command = CreateInvoices(
            command=piece.command,
            requested_by=self.command.requested_by,
            correlation=self.command.correlation,
            contract=piece.run.contract,
            confirmed=self.command.confirmed,
        )
        ceiling, beside = self.ceiling, self.sweep.beside(piece)
        handler = DueRunHandler(piece.run, self.invoicing, ceiling, beside, self.sweep.facts.currencies)
        return self.fixed_point.settle(handler, [command])[command]


def _ended(recorded: Told) -> Told:
    """What an attempt's record says came of it, as it was told before."""
    if recorded["outcome"] != REFUSED:
        return recorded
    return {"outcome": REFUSED, "because": f"{recorded['because']} ({recorded['code']})"}


def _failed(failure: ConnectorError) -> Told:
    """What is told of a run that did not come to its end; what may pass is gone on with."""
    # A sweep gives the new command itself, when it comes by again.
    because = f"{failure.sentence.split(f' {ENDED}')[0]} ({failure.code})"
    match failure:
        case Rejected() if failure.code != AS_NOTHING:
            return {"outcome": IN_DOUBT if failure.code.endswith(IN_DOUBT) else REFUSED, "because": because}
        case Rejected() | Misconfigured():
            return {"outcome": FAILED, "because": because}
        case _:
            return {"outcome": RUNNING, "because": because}


def fault_in(end: Unsettled) -> int:
    """How much it speaks for a fault that is everybody's: nothing, ``LITTLE`` or ``MUCH``; at ``ENOUGH`` it is one.

    A call that is written down first and never answered is in doubt, which is ``MUCH``; one behind a fence is safe to
    make again, however often.
    """
    match end.failure:
        case CallInDoubt():
            return MUCH
        case UnknownOutcome():
            return LITTLE
        case Transient(code=code) if code in TOO_LONG:
            return LITTLE
        case Transient(code=code) if code == NOT_YET:
            return MUCH if end.unsure else 0
        case Misconfigured() | Transient():
            return MUCH
        case _:
            return 0
