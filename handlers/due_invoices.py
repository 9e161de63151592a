"""Creates the invoices that are due by schedule: each once, the oldest first, whoever and however often finds them due.

What is due is found anew every time. What was called for is not forgotten: an attempt whose outcome nobody has told is
taken up by whoever comes next, and a command that comes again tells of every run it was recorded with. A sweep is
refused as a whole where the product would do the same work, or can't be asked to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from connector.errors import ConnectorError, Misconfigured, Rejected, Throttled, Transient
from handlers.announcing import given_up_as
from handlers.due_look import Look, Piece, Sweep
from handlers.due_record import Begin, End, Kept
from handlers.due_run import FAILED, DueRunHandler
from handlers.fixed_point import AgainstTheRules, FixedPoint, Outcome, Settled, Unsettled
from handlers.invoicing import REFUSED, InvoicingHandler
from handlers.plan import NOT_YET
from mappings.ceiling import Ceiling
from mappings.messages import CreateDueInvoices, CreateInvoices

IN_DOUBT, RUNNING = "in-doubt", "already-running"
UNFINISHED = (FAILED, IN_DOUBT, RUNNING)
WAITING = "waiting"
"""A later run of a contract whose earlier one did not come to its end: it would take what is the earlier one's."""
IN_A_ROW = 3
"""Contracts in a row that fail by what may be everybody's fault, after which no other is begun."""
LOOK = 0.5
"""Seconds after which the waiting thread can be interrupted, on systems where waiting itself can't be."""

Told = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DueInvoices:
    """Carries out ``CreateDueInvoices``, with what invoices any contract; above the ``ceiling`` only when confirmed.

    ``at_once``: how many contracts are at work at a time; the runs of one are made one after the other. ``stopping`` is
    asked before each contract: what is left then is left to the next sweep. ``told`` hears of each run as it ends, one
    after the other; a command that is refused looks up what was called for before where somebody hears of it.
    """

    invoicing: InvoicingHandler
    ceiling: Ceiling | None = None
    at_once: int = 1
    stopping: Callable[[], bool] = lambda: False
    told: Callable[[Told], None] | None = None

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
                _Course(command, self, looked, fixed_point).run()
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
        course = _Course(command, self, looked, fixed_point)
        course.run()
        if (failure := course.failure) is not None:
            return Unsettled(failure.failure, course.unsure, failure.operations, course.given_up(), course.news())
        outcome = course.outcome()
        if not looked.pieces and not looked.facts.due.unfit:
            return Settled(_in_short(outcome), outcome)
        ended = fixed_point.settle(End(outcome), [command])[command]
        if isinstance(ended, Unsettled):
            unsure = course.unsure or ended.unsure
            return replace(ended, unsure=unsure, outcome=course.given_up(), news=course.news())
        commits, unsure = course.commits + ended.commits, course.unsure or ended.unsure
        return Settled(_in_short(outcome), outcome, commits, unsure, course.operations | ended.operations)

    def _looked(self, command: CreateDueInvoices, fixed_point: FixedPoint) -> Sweep | Outcome:
        looked = fixed_point.settle(Look(self.invoicing, self.ceiling), [command])[command]
        found = looked.outcome.get("sweep") if isinstance(looked, Settled) else None
        return found if isinstance(found, Sweep) else looked


@dataclass
class _Chain:
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
class _Course:
    """What has come of a sweep's contracts so far, several of them at work at a time."""

    command: CreateDueInvoices
    due: DueInvoices
    sweep: Sweep
    fixed_point: FixedPoint
    chains: list[_Chain | None] = field(default_factory=list)
    _in_a_row: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> None:
        """Every contract, until all are through, or nobody could be invoiced now, or it is asked to stop."""
        chains = self.sweep.chains
        if self.due.at_once == 1 or len(chains) < 2:
            self.chains = [self._unless_stopped(chain) for chain in chains]
            return
        with ThreadPoolExecutor(min(self.due.at_once, len(chains)), thread_name_prefix="due") as pool:
            work = [pool.submit(self._unless_stopped, chain) for chain in chains]
            while wait(work, LOOK).not_done:
                continue
        self.chains = [one.result() for one in work]

    def outcome(self) -> dict[str, object]:
        """It as it is written down and answered; ``left``: runs that were not begun."""
        return self._brought([run for chain in self._done for run in chain.told])

    def given_up(self) -> dict[str, object]:
        """It as it is, should nobody go on with it."""
        return self._brought([run for chain in self._done for run in chain.given_up()])

    def news(self) -> tuple[Told, ...]:
        """The runs that brought invoices just now."""
        return tuple(run for chain in self._done for run in chain.news if run["invoices"])

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
        failures = [chain.failure for chain in self._done if chain.failure is not None]
        passing = [one for one in failures if not isinstance(one.failure, Misconfigured)]
        if passing:
            return next((one for one in passing if isinstance(one.failure, Throttled)), passing[0])
        through = any(chain.failure is None and chain.told for chain in self._done)
        return failures[0] if failures and (self._is_ours or not through) else None

    @property
    def unsure(self) -> bool:
        """A write that was never answered may still land."""
        return any(chain.unsure for chain in self._done)

    @property
    def commits(self) -> int:
        """How many change sets were written."""
        return sum(chain.commits for chain in self._done)

    @property
    def operations(self) -> frozenset[str]:
        """The kinds of operation that went well."""
        return frozenset().union(*(chain.operations for chain in self._done))

    @property
    def _done(self) -> list[_Chain]:
        return [chain for chain in self.chains if chain is not None]

    @property
    def _is_ours(self) -> bool:
        return self._in_a_row >= IN_A_ROW

    def _unless_stopped(self, pieces: Sequence[Piece]) -> _Chain | None:
        if self._is_ours or self.due.stopping():
            return None
        chain = self._along(pieces)
        with self._lock:
            failure = None if chain.failure is None else chain.failure.failure
            if isinstance(failure, Throttled):
                self._in_a_row = IN_A_ROW
            elif failure is not None and _is_fault(failure):
                self._in_a_row += 1
            elif not self._is_ours:
                self._in_a_row = 0
            if (tell := self.due.told) is not None:
                for run in chain.news:
                    tell(run)
        return chain

    def _along(self, pieces: Sequence[Piece]) -> _Chain:
        """One contract's runs, the oldest first, until one does not come to its end."""
        chain = _Chain()
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
            if piece.outcome is None:
                chain.news.append(told)
            if told["outcome"] in UNFINISHED:
                waiting = {"outcome": WAITING, "because": f"The run of {piece.run.day} comes first."}
                rest = [self._told(later, waiting) for later in pieces[number + 1 :]]
                chain.told += rest
                chain.news += rest
                break
        return chain

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
        )
        return self.fixed_point.settle(DueRunHandler(piece.run, self.due.invoicing), [command])[command]


def _ended(recorded: Told) -> Told:
    """What an attempt's record says came of it, as it was told before."""
    if recorded["outcome"] != REFUSED:
        return recorded
    return {"outcome": FAILED, "because": f"{recorded['because']} ({recorded['code']})"}


def _failed(failure: ConnectorError) -> Told:
    """What is told of a run that did not come to its end; what may pass is gone on with."""
    because = f"{failure.sentence} ({failure.code})"
    match failure:
        case Rejected():
            return {"outcome": IN_DOUBT if failure.code.endswith(IN_DOUBT) else FAILED, "because": because}
        case Misconfigured():
            return {"outcome": FAILED, "because": because}
        case _:
            return {"outcome": RUNNING, "because": because}


def _is_fault(failure: ConnectorError) -> bool:
    """It is no matter of this contract, or need not be one."""
    return isinstance(failure, Misconfigured | Transient) and failure.code != NOT_YET


def _in_short(outcome: Told) -> str:
    words = [str(run["outcome"]) for run in _runs(outcome)]
    said = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    left = f", {outcome['left']} left" if "left" in outcome else ""
    return f"Due up to {outcome['until']}: {said or 'nothing'}{left}."


def _runs(outcome: Told) -> Iterable[Told]:
    runs = outcome["runs"]
    return runs if isinstance(runs, list) else []
