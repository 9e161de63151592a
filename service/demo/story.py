"""The whole story on a fresh sandbox: approve, actuals, ready, invoice; and whether the four agree to the cent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from connector.dataverse.access import Reader
from connector.dataverse.query import Query
from handlers.reading import ask
from mappings import tables
from sandbox.company import Company
from sandbox.world import COMMANDS, EVENTS, Sandbox
from service.app import compose
from service.contracts import Contract, all_contracts
from service.demo import approver, figures, orders
from service.demo.figures import ZERO
from service.demo.patience import OutOfTime, Patience
from service.local_world import PACE, register_in, sandbox_settings, signed_in
from service.registration import Registered

IN_TIME = 50.0
"""Seconds for everything after start-up."""


@dataclass(frozen=True, slots=True)
class ContractFigures:
    """One contract's amounts, in its own currency, each from another table."""

    contract: Contract
    approved: Decimal
    actuals: Decimal
    non_chargeable: Decimal
    complimentary: Decimal
    fixed: Decimal
    ready: Decimal
    invoiced: Decimal
    headers: Decimal
    numbers: tuple[str, ...]

    @property
    def faults(self) -> list[str]:
        """What does not agree."""
        due = self.actuals + self.fixed
        comparisons = (
            ("approved", self.approved, "actuals", self.actuals),
            ("actuals and fixed amounts", due, "ready", self.ready),
            ("ready", self.ready, "invoiced", self.invoiced),
            ("invoiced", self.invoiced, "invoice totals", self.headers),
        )
        found = [f"{one} {a} is not {other} {b}" for one, a, other, b in comparisons if a != b]
        return found if len(self.numbers) == 1 else [*found, f"{len(self.numbers)} invoices instead of one"]


@dataclass(frozen=True, slots=True)
class ProjectFigures:
    """One project's cost, approved and booked."""

    name: str
    currency: str
    approved: Decimal
    actuals: Decimal

    @property
    def faults(self) -> list[str]:
        """What does not agree."""
        return [] if self.approved == self.actuals else [f"approved {self.approved} is not actuals {self.actuals}"]


@dataclass
class Story:
    """What happened, stage by stage."""

    registered: list[Registered] = field(default_factory=list)
    decisions: list[tuple[str, str]] = field(default_factory=list)
    entries: int = 0
    cost_rows: int = 0
    marked: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    contracts: list[ContractFigures] = field(default_factory=list)
    projects: list[ProjectFigures] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Approved = actuals = ready = invoiced, on every contract and project."""
        faults = [*(one.faults for one in self.contracts), *(one.faults for one in self.projects)]
        return bool(self.contracts) and not any(faults)


Say = Callable[[str], None]


def tell(say: Say) -> Story:
    """Play the story on a sandbox of its own."""
    with Sandbox() as world:
        return play(world, say)


def play(world: Sandbox, say: Say) -> Story:
    """Play the story in a running sandbox with the demo company untouched in it.

    Raises ``OutOfTime`` when it gets stuck, ``ConnectorError`` when something refuses.
    """
    began = time.monotonic()
    say("A local Service Bus and a local Dataverse are up, with the demo company in them.")
    registered = register_in(world)
    patience = Patience(IN_TIME)
    world.web.organisation.listeners.append(patience)
    try:
        story = asyncio.run(_played(world, patience, say))
    finally:
        world.web.organisation.listeners.remove(patience)
    story.registered = registered
    story.seconds = time.monotonic() - began
    return story


async def _played(world: Sandbox, patience: Patience, say: Say) -> Story:
    """The service works on one side, people on the other; whoever ends first, the other is asked to end as well."""
    app = compose(sandbox_settings(world), now=world.clock.now, pace=PACE)
    stop = asyncio.Event()
    service = asyncio.create_task(app.run(stop))
    people = asyncio.create_task(asyncio.to_thread(_people, world, patience, _while_wanted(say, patience)))
    try:
        await asyncio.wait({service, people}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        patience.give_up()
        stop.set()
        await asyncio.gather(service, people, return_exceptions=True)
        app.close()
    # A service that failed is the reason why people waited in vain, so its failure is the one to tell.
    service.result()
    return people.result()


def _while_wanted(say: Say, patience: Patience) -> Say:
    """Nobody who interrupted the story is told of a next stage."""

    def said(text: str) -> None:
        if not patience.is_over:
            say(text)

    return said


def _people(world: Sandbox, patience: Patience, say: Say) -> Story:
    company = world.company
    if company is None:
        raise ValueError("The story needs the demo company.")
    story = Story()
    with signed_in(world, "administrator") as reader:
        with signed_in(world, "approver") as paula:
            story.decisions = approver.decide(paula, company)
            approver.approve_all(paula, company)
        approved = figures.approved(reader)
        story.entries = approved.entries
        say(f"{approved.entries} entries are approved; Dataverse tells the service through the queue.")
        patience.until("An actual for every approved entry", lambda: _consumed(world, reader, approved.on_projects))
        say("The actuals are there. Some minutes later the service looks for others that somebody else may have made.")
        world.clock.advance(timedelta(minutes=sandbox_settings(world).actuals.second_look))
        patience.until("A second look at every entry", lambda: _looked_at_again(world))
        booked = figures.booked(reader)
        story.cost_rows = booked.cost_rows
        fixed = figures.fixed(reader)
        contracts = _of_company(reader, company)
        say("Nobody else did; the billing clerk marks the three backlogs ready.")
        _mark(world, reader, patience, contracts, story)
        ready = figures.ready(reader)
        say("Everything is ready; the billing clerk has the invoices created.")
        commands = orders.to_invoice(one.id for one in contracts)
        orders.give(world.servicebus, COMMANDS, commands)
        orders.outcomes(reader, commands, patience)
        invoiced = figures.invoiced(reader)
        story.contracts = [
            ContractFigures(
                one,
                approved=approved.sales.get(one.id, ZERO),
                actuals=booked.chargeable.get(one.id, ZERO),
                non_chargeable=booked.non_chargeable.get(one.id, ZERO),
                complimentary=booked.complimentary.get(one.id, ZERO),
                fixed=fixed.get(one.id, ZERO),
                ready=ready.get(one.id, ZERO),
                invoiced=invoiced.charged.get(one.id, ZERO),
                headers=invoiced.headers.get(one.id, ZERO),
                numbers=tuple(invoiced.numbers.get(one.id, ())),
            )
            for one in contracts
        ]
        story.projects = _projects(reader, approved, booked)
    return story


def _consumed(world: Sandbox, reader: Reader, entries: int) -> bool:
    """Every event is posted, consumed and settled, and every approved project entry has its cost actual."""
    if not world.events.idle(0):
        return False
    counts = world.bus.counts(EVENTS)
    if counts.dead_letter:
        raise OutOfTime(f"{counts.dead_letter} events were put aside as unworkable; the log says why.")
    if counts.active or counts.locked:
        return False
    return figures.booked(reader).cost_rows == entries


def _looked_at_again(world: Sandbox) -> bool:
    """No event is left, not even one that was to come back."""
    counts = world.bus.counts(EVENTS)
    if counts.dead_letter:
        raise OutOfTime(f"{counts.dead_letter} events were put aside as unworkable; the log says why.")
    return not (counts.active or counts.locked or counts.scheduled)


def _of_company(reader: Reader, company: Company) -> list[Contract]:
    return [one for one in all_contracts(reader) if one.id in company.contracts.values()]


def _mark(world: Sandbox, reader: Reader, patience: Patience, contracts: list[Contract], story: Story) -> None:
    commands = orders.to_mark(one.id for one in contracts)
    orders.give(world.servicebus, COMMANDS, commands)
    for command, outcome in zip(commands, orders.outcomes(reader, commands, patience), strict=True):
        marked, refused = outcome["marked"], outcome["refused"]
        story.marked[command.backlog] = len(marked) if isinstance(marked, list) else 0
        story.refused |= {str(id): str(why) for id, why in refused.items()} if isinstance(refused, dict) else {}


def _projects(reader: Reader, approved: figures.Approved, booked: figures.Booked) -> list[ProjectFigures]:
    named = ("msdyn_subject", "msdyn_contractorganizationalunitid")
    projects, units, currencies = ask(
        reader,
        Query(tables.PROJECT, named, order_by=("msdyn_subject",)),
        Query(tables.ORGANIZATIONAL_UNIT, ("msdyn_currency",)),
        Query(tables.CURRENCY, ("isocurrencycode",)),
    )
    code: dict[UUID | None, str] = {one.id: one.text("isocurrencycode") or "" for one in currencies}
    code_of: dict[UUID | None, str] = {one.id: code.get(one.link_id("msdyn_currency"), "") for one in units}
    return [
        ProjectFigures(
            one.text("msdyn_subject") or "",
            code_of.get(one.link_id("msdyn_contractorganizationalunitid"), ""),
            approved.cost.get(one.id, ZERO),
            booked.cost.get(one.id, ZERO),
        )
        for one in projects
    ]
