"""Carries a run out from the command line: contract by contract, some at a time, under commands that stay the same.

What may pass is waited for and tried again; one contract that fails does not keep the others from their invoices.
Asked to stop, it begins nothing more, and finishes what is at work.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from connector.dataverse.changes import Call, Change
from connector.errors import Conflict, Rejected, Throttled, Transient, UnknownOutcome
from handlers import fixed_point, given_up
from handlers.again import settle_patiently
from handlers.announcing import Announcing, given_up_as
from handlers.due_course import ENOUGH, fault_in
from handlers.fixed_point import Settled, Unsettled
from handlers.invoice_facts import InvoiceFacts
from handlers.invoicing import ENDED
from handlers.plan import NOT_YET, Decision, Plan
from mappings import keys, tables
from mappings.invoice_expectation import Expectation
from mappings.invoice_run import Outcome, command, word_of
from mappings.messages import CreateInvoices
from mappings.replies import Why
from mappings.row import Row
from mappings.tables import Ref
from service.announcing import announced
from service.app import App
from service.contracts import Contract
from service.plan_in_words import InWords, in_words

DELAYS = (1.0, 5.0, 15.0)
"""Seconds before another try at what may pass."""
LONGEST_WAIT = 300.0
"""Seconds that Dataverse may ask for before a contract is left for the run to be resumed."""
TOGETHER = 50
"""Contracts on which nothing was ready: they are asked about together."""
LOOK = 0.5
"""Seconds after which the main thread can be interrupted, on systems where waiting itself can't be."""


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What came of one contract, in the run's word and, where nothing was created, with the sentence in ``because``.

    ``invoices``: numbers, or ids where there are none; ``ids``: theirs, in the same order. ``fault``: how much
    it speaks for a fault that others would meet, too (``due_course``). ``untold``: why the event about it could not be
    sent. ``open``: it may have come to another end since. ``differences``: how the invoices differ from what was
    expected, as records hold it.
    """

    contract: Contract
    command: UUID
    outcome: Outcome
    invoices: tuple[str, ...] = ()
    total: Decimal = Decimal(0)
    because: str = ""
    fault: int = 0
    untold: str = ""
    ids: tuple[UUID, ...] = ()
    open: bool = False
    differences: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a contract's invoice would hold, and the plan that would be carried out."""

    contract: Contract
    due: Expectation
    plan: InWords


def previewed(app: App, contracts: Sequence[Contract], requested_by: str) -> list[Previewed]:
    """What each contract's next invoice would hold and what would be done, from one reading; nothing is written."""
    handler, zone = app.mission.invoicing, app.settings.business_time_zone
    commands = [command(contract.id, contract.id, requested_by) for contract in contracts]
    facts = handler.gather(commands, app.dataverse)
    return [
        Previewed(
            contract,
            facts[one].expected(zone, several=handler.several),
            in_words(_told_apart(handler.decide(one, _with_lease(one, facts[one]), {}))),
        )
        for contract, one in zip(contracts, commands, strict=True)
    ]


def _with_lease(subject: CreateInvoices, facts: InvoiceFacts) -> InvoiceFacts:
    """As if the contract had its lease already: who looks wants to see the call, and not what goes before it once."""
    lease = facts.lease or Row(Ref(tables.COMMAND, keys.lease_id(subject.contract)), "", {})
    return replace(facts, lease=lease)


def _told_apart(decision: Decision) -> Decision:
    """A plan without what is told beside it: the expected invoice, as it would be recorded."""
    if not isinstance(decision, Plan):
        return decision
    return replace(
        decision,
        change_sets=tuple(
            replace(one, changes=tuple(_without_selection(change) for change in one.changes))
            for one in decision.change_sets
        ),
    )


def _without_selection(change: Change) -> Change:
    if isinstance(change, Call):
        return change
    return replace(change, values={name: value for name, value in change.values.items() if name != "psac_selection"})


@dataclass(frozen=True)
class Run:
    """A run that is recorded. ``quiet``: contracts on which nothing was ready, or that this run has done with.

    ``generations``: how many commands of the run came to nothing before, by contract. ``confirmed``: a person has seen
    how much it is; else a contract above the ceiling is refused.
    """

    id: UUID
    contracts: Sequence[Contract]
    requested_by: str
    quiet: frozenset[UUID] = frozenset()
    generations: Mapping[UUID, int] = field(default_factory=dict)
    announcing: Announcing | None = None
    confirmed: bool = False

    def carry_out(self, app: App, at_once: int, stop: threading.Event) -> Iterator[Invoiced]:
        """Each contract's outcome as it comes, so many at work ``at_once``, until all are done or ``stop`` is set."""
        waiting = deque(self._units())
        at_work: set[Future[list[Invoiced]]] = set()
        in_a_row = 0
        with ThreadPoolExecutor(at_once, thread_name_prefix="invoice") as pool:
            try:
                while at_work or (waiting and not stop.is_set()):
                    while waiting and len(at_work) < at_once and not stop.is_set():
                        at_work.add(pool.submit(self._settle, app, waiting.popleft(), stop))
                    done, at_work = wait(at_work, LOOK, FIRST_COMPLETED)
                    for one in done:
                        for invoiced in one.result():
                            in_a_row = in_a_row + invoiced.fault if invoiced.fault else 0
                            if in_a_row >= ENOUGH:
                                stop.set()
                            yield invoiced
            finally:
                # Whoever stops listening stops the rest, too.
                stop.set()

    def _units(self) -> Iterator[list[Contract]]:
        """Contracts with work one by one; then those without, many together."""
        yield from ([one] for one in self.contracts if one.id not in self.quiet)
        quiet = [one for one in self.contracts if one.id in self.quiet]
        yield from (quiet[begin : begin + TOGETHER] for begin in range(0, len(quiet), TOGETHER))

    def _settle(self, app: App, contracts: Sequence[Contract], stop: threading.Event) -> list[Invoiced]:
        commands = {self._command(one.id): one for one in contracts}
        outcomes: dict[CreateInvoices, fixed_point.Outcome] = {}
        left, tries = list(commands), 0
        while left:
            found, _ = settle_patiently(app.mission, app.fixed_point, list(left), app.policy, app.now)
            for one, end in cast(Mapping[CreateInvoices, fixed_point.Outcome], found).items():
                # A call that nobody answered stays one, whatever the next look says.
                unsure = one in outcomes and (outcomes[one].unsure or _is_unanswered(outcomes[one]))
                outcomes[one] = replace(end, unsure=end.unsure or unsure)
            waits = {one: seconds for one in left if (seconds := pause(outcomes[one], tries)) is not None}
            left, tries = list(waits), tries + 1
            if left and stop.wait(max(waits.values())):
                break
        # What may pass is not over by that: a message may bring the command again, or the run be resumed.
        passing = {one for one, end in outcomes.items() if may_pass(end)}
        given_up.write_down(_why(outcomes), app.dataverse, passing)
        return [
            replace(
                invoiced(contract, one.command, outcomes[one]),
                untold=announced(self.announcing, one, outcomes[one]),
                open=one in passing,
            )
            for one, contract in commands.items()
        ]

    def _command(self, contract: UUID) -> CreateInvoices:
        generation = self.generations.get(contract, 0)
        return command(self.id, contract, self.requested_by, generation, confirmed=self.confirmed)


def _is_unanswered(end: fixed_point.Outcome) -> bool:
    return isinstance(end, Unsettled) and isinstance(end.failure, UnknownOutcome)


def _why(outcomes: Mapping[CreateInvoices, fixed_point.Outcome]) -> dict[CreateInvoices, Why]:
    """Why commands did not come to their end, but for those that somebody else is at."""
    failures = {one: end.failure for one, end in outcomes.items() if isinstance(end, Unsettled)}
    return {
        one: Why(code=failure.code, sentence=failure.sentence)
        for one, failure in failures.items()
        if not isinstance(failure, Conflict) and failure.code != NOT_YET
    }


def invoiced(contract: Contract, id: UUID, end: fixed_point.Outcome) -> Invoiced:
    """How a command ended, in the words of a run."""
    match end:
        case Settled(outcome=outcome):
            return told(contract, id, outcome)
        case Unsettled(failure=failure):
            # A run gives the new command itself, when it is resumed.
            because = f"{failure.sentence.split(f' {ENDED}')[0]} ({failure.code})"
            word = given_up_as(failure)
            if word is Outcome.FAILED and isinstance(failure, Rejected):
                word = Outcome.REFUSED
            return Invoiced(contract, id, word, because=because, fault=fault_in(end))


def told(contract: Contract, id: UUID, outcome: Mapping[str, Any]) -> Invoiced:
    """What an attempt's record says came of it."""
    made = outcome.get("invoices", ())
    numbers, ids = (tuple(str(one["number"] or one["id"]) for one in made), tuple(UUID(one["id"]) for one in made))
    total = Decimal(str(outcome.get("total", outcome.get("expected_total", 0))))
    because, differences = str(outcome.get("because", "")), tuple(outcome.get("differences", ()))
    return Invoiced(contract, id, word_of(outcome), numbers, total, because, ids=ids, differences=differences)


def may_pass(end: fixed_point.Outcome) -> bool:
    """It did not come to its end here, and may come to it by itself."""
    return isinstance(end, Unsettled) and isinstance(end.failure, Conflict | Throttled | Transient | UnknownOutcome)


def pause(end: fixed_point.Outcome, tries: int) -> float | None:
    """Seconds until it is worth another try; ``None`` when it is over."""
    if isinstance(end, Settled) or tries >= len(DELAYS):
        return None
    match end.failure:
        case Throttled(retry_after=told):
            return told.total_seconds() if told.total_seconds() <= LONGEST_WAIT else None
        case Transient() | UnknownOutcome():
            return DELAYS[tries]
        case _:
            return None
