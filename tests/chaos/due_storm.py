"""Commands to invoice what is due, several contracts each, through kills, lost replies and second deliveries."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from uuid import UUID, uuid4

from connector.auth import StaticToken
from connector.dataverse.access import Dataverse
from connector.dataverse.budget import Budget, Limits
from connector.dataverse.changes import ChangeSet, Committed, Record
from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Query
from connector.envelope import Envelope
from connector.errors import ConnectorError
from connector.recoverability import Policy
from connector.settlement import Complete, DeadLetter, Settlement
from handlers.due_facts import ACTION
from handlers.fixed_point import FixedPoint
from handlers.parsing import parse_command
from handlers.pipeline import Pipeline
from handlers.recorded import Mode
from mappings import keys
from mappings.messages import CreateDueInvoices
from sandbox.dataverse.product.business_dates import midnight
from sandbox.dataverse.unit_of_work import Link
from sandbox.faults import Rule
from service.resolving import NotResolved, resolve
from tests.chaos.many_contracts import DAY, contracts
from tests.chaos.storm import BETWEEN, CLICKED, LOST, ROUNDS, WAYS, WORKERS
from tests.flow.calls import Killed, Office
from tests.flow.checker import invoices as checker
from tests.flow.checker.books import Books
from tests.flow.ledger_checker import invoiced
from tests.flow.world import World

TOGETHER, AT_ONCE = 4, 2
"""Contracts of one command, and how many of them are at work at a time."""
KILLED, STALE, GIVEN_UP = 0.5, 0.25, 0.4
RUN_DAY = DAY + timedelta(days=1)
SCHEDULE, NOT_RUN, SUCCESSFUL, FAILED = "msdyn_contractlineinvoiceschedule", 192350000, 192350001, 192350002


class Mortal:
    """A Dataverse whose worker dies as a whole, all its threads, right before or after a change set that fits."""

    def __init__(self, dataverse: Dataverse, way: str | None, spared: int) -> None:
        self._dataverse, self._spared, self._dead = dataverse, spared, threading.Event()
        self._fits: Callable[[ChangeSet], bool] = WAYS[way][0] if way else lambda change_set: False
        self._after = bool(way and WAYS[way][1])

    def query(self, questions: Sequence[Query]) -> list[list[Record]]:
        self._unless_dead()
        return self._dataverse.query(questions)

    def commit(self, change_sets: Sequence[ChangeSet]) -> list[Committed | ConnectorError]:
        self._unless_dead()
        dies = any(map(self._fits, change_sets)) and self._is_its_turn()
        if dies and not self._after:
            self._dead.set()
        self._unless_dead()
        outcomes = self._dataverse.commit(change_sets)
        if dies:
            self._dead.set()
        self._unless_dead()
        return outcomes

    def _is_its_turn(self) -> bool:
        self._spared -= 1
        return self._spared < 0

    def _unless_dead(self) -> None:
        if self._dead.is_set():
            raise Killed


@dataclass
class DueStorm:
    """One storm over so many contracts with a run each. ``struck`` counts what really happened."""

    world: World
    mode: Mode
    seed: int
    size: int
    killed: float = KILLED
    given_up: float = GIVEN_UP
    ways: Sequence[str] = tuple(sorted(WAYS))
    deliveries: int = 2
    struck: Counter[str] = field(default_factory=Counter)
    ended: dict[UUID, Settlement] = field(default_factory=dict)
    _lost: list[Rule] = field(default_factory=list)
    _deliveries: Counter[UUID] = field(default_factory=Counter)
    _given_up: set[UUID] = field(default_factory=set)
    _is_swept: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> list[str]:
        """Rage until every command has come to its end; everything that is wrong with the books then."""
        chance, office, world = Random(self.seed), Office(self.world, self.mode), self.world
        world.sandbox.switches.schedule_race = timedelta(minutes=1)
        world.mission = replace(world.mission, at_once=AT_ONCE)
        token = StaticToken(world.sandbox.tokens["service"])
        boundless = Budget(Limits(requests=10**9, execution=timedelta(days=365)))
        world.client = DataverseClient(
            world.sandbox.dataverse, token, tag="psa-connector", budget=boundless, pool=4 * WORKERS
        )
        totals = contracts(world, self.size, chance)
        rows = self._scheduled(list(totals), chance)
        self._plan_lost_answers(rows, chance)
        every = list(totals)
        groups = [tuple(every[begin : begin + TOGETHER]) for begin in range(0, len(every), TOGETHER)]
        waiting = [self._command(*group) for group in groups]
        twice = [self._command(*group) for group in groups if chance.random() < CLICKED]
        self.struck["double clicks"] = len(twice)
        waiting += twice
        for _ in range(ROUNDS):
            waiting = sorted(waiting, key=lambda one: one.contracts)
            with ThreadPoolExecutor(WORKERS) as workers:
                each = [one for one in waiting for _ in range(self.deliveries)]
                list(workers.map(lambda one: self._deliver(office, one), each))
            waiting = [one for one in waiting if one.command not in self.ended] + self._person()
            waiting = [one for one in waiting if one.command not in self._given_up]
            world.sandbox.clock.advance(BETWEEN)
            if not waiting and not (waiting := self._left(rows) or self._swept(every)):
                break
        self.struck["lost replies"] = sum(rule.struck for rule in self._lost)
        return [*self._faults(totals, rows), *(f"{one.command} never ended" for one in waiting)]

    def _scheduled(self, every: Sequence[UUID], chance: Random) -> dict[UUID, UUID]:
        """A run for each contract; of some, an earlier attempt failed."""
        rows: dict[UUID, UUID] = {}
        with self.world.sandbox.web.transaction("administrator") as work:
            for contract in every:
                (line,) = work.find("salesorderdetail", salesorderid=Link("salesorder", contract))
                stale = chance.random() < STALE
                self.struck["rows that failed before"] += stale
                rows[contract] = work.create(
                    SCHEDULE,
                    {
                        "msdyn_name": RUN_DAY.isoformat(),
                        "msdyn_contractlineid": Link("salesorderdetail", UUID(str(line["salesorderdetailid"]))),
                        "msdyn_invoicerundate": midnight(RUN_DAY),
                        "msdyn_transactioncutoffdate": midnight(DAY),
                        "msdyn_invoicerunstatus": FAILED if stale else NOT_RUN,
                    },
                )
        return rows

    @staticmethod
    def _command(*of: UUID) -> CreateDueInvoices:
        return CreateDueInvoices(command=uuid4(), requested_by="clerk", contracts=of)

    def _plan_lost_answers(self, rows: dict[UUID, UUID], chance: Random) -> None:
        """The answer to a record, or to a call."""
        for contract, row in rows.items():
            if chance.random() < LOST:
                attempt = keys.attempt_id(contract, keys.due_command_id(contract, RUN_DAY, [row], 0))
                call = f"salesorders({contract})/Microsoft.Dynamics.CRM.{ACTION}"
                text = chance.choice((f"psac_commands({attempt})", call))
                self._lost.append(self.world.sandbox.faults.lose_reply(path=r"\$batch", containing=text))

    def _deliver(self, office: Office, command: CreateDueInvoices) -> None:
        with self._lock:
            self._deliveries.update((command.command, command.contracts[0]))
            self.struck["second deliveries"] += self._deliveries[command.command] > 1
            delivery = self._deliveries[command.contracts[0]]
        chance = Random(f"{self.seed}/{command.contracts[0]}/{delivery}")
        way = chance.choice(self.ways) if delivery <= 6 and chance.random() < self.killed else None
        through = office.calling(Mortal(self.world.client, way, chance.randrange(TOGETHER)))
        pipeline = Pipeline(through, self.world.mission, parse_command, Policy(), self.world.now, FixedPoint(through))
        body = command.model_dump_json().encode()
        try:
            (end,) = pipeline.process([Envelope(str(uuid4()), body, "application/json", queue="commands")])
        except Killed:
            with self._lock:
                self.struck.update(("kills", f"killed {way}"))
                if chance.random() < self.given_up:
                    # It was typed at a command line, or was a sweep's own: no message brings it again.
                    self.struck["given up"] += 1
                    self._given_up.add(command.command)
            return
        if isinstance(end, Complete | DeadLetter):
            with self._lock:
                self.ended[command.command] = end

    def _person(self) -> list[CreateDueInvoices]:
        """Looks into every call that is in doubt, says what came of it, and asks anew where that was nothing."""
        anew = []
        for row in self.world.http("GET", "psac_commands?$filter=psac_state eq 'in-doubt'").json()["value"]:
            contract = UUID(row["psac_subject"])
            made = self.world.http("GET", f"invoices?$filter=_salesorderid_value eq {contract}").json()["value"]
            invoice = UUID(made[0]["invoiceid"]) if made else None
            self.struck["resolved by a person"] += 1
            try:
                resolve(self.world.client, self.world.mission.invoicing, UUID(row["psac_commandid"]), invoice, "clerk")
            except NotResolved:
                continue
            anew.append(self._command(contract))
        return anew

    def _left(self, rows: dict[UUID, UUID]) -> list[CreateDueInvoices]:
        """The sweep of the next day takes up what ended without an invoice."""
        open_ones = f"{SCHEDULE}s?$filter=msdyn_invoicerunstatus ne {SUCCESSFUL}&$select={SCHEDULE}id"
        found = {UUID(row[f"{SCHEDULE}id"]) for row in self.world.http("GET", open_ones).json()["value"]}
        left = [contract for contract, row in rows.items() if row in found]
        self.struck["left to the next sweep"] += len(left)
        return [self._command(contract) for contract in left]

    def _swept(self, every: Sequence[UUID]) -> list[CreateDueInvoices]:
        """Nothing is due any more: one sweep over all tells what nobody told."""
        first, self._is_swept = not self._is_swept, True
        return [self._command(*every)] if first else []

    def _faults(self, totals: dict[UUID, Decimal], rows: dict[UUID, UUID]) -> list[str]:
        books = Books.read(self.world.sandbox.dataverse, self.world.sandbox.tokens["administrator"])
        wrong = list(checker.faults(books))
        for contract, total in totals.items():
            if (found := invoiced(books, str(contract))) != (1, total):
                wrong.append(f"{contract}: {found[0]} invoices, {found[1]}, expected one of {total}")
        told = {UUID(row[f"{SCHEDULE}id"]): row for row in self.world.http("GET", f"{SCHEDULE}s").json()["value"]}
        for contract, id in rows.items():
            row = told[id]
            if row["msdyn_invoicerunstatus"] != SUCCESSFUL or row["_msdyn_invoice_value"] is None:
                wrong.append(f"{contract}: its schedule row does not name its invoice")
        open_ones = "psac_commands?$filter=psac_kind eq 'attempt' and psac_state ne 'done'"
        for row in self.world.http("GET", open_ones).json()["value"]:
            if row["psac_state"] != "withdrawn":
                wrong.append(f"{row['psac_subject']}: what came of a call was never told ({row['psac_state']})")
        for command, end in self.ended.items():
            if isinstance(end, DeadLetter):
                wrong.append(f"{command}: {end.code}: {end.sentence}")
        return wrong

    def told(self) -> str:
        """What struck, on a line."""
        return json.dumps({"due": self.size, "mode": self.mode, "seed": self.seed, **dict(self.struck)})
