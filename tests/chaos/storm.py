"""Commands to invoice, delivered to workers that are killed, whose answers get lost, and more than once."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from random import Random
from uuid import UUID, uuid4

from connector.auth import StaticToken
from connector.dataverse.budget import Budget, Limits
from connector.dataverse.client import DataverseClient
from connector.settlement import Complete, DeadLetter, Settlement
from handlers.invoicing import ACTION
from handlers.recorded import Mode
from mappings import keys
from mappings.messages import CreateInvoices
from sandbox.faults import Rule
from service.resolving import NotResolved, resolve
from tests.chaos.many_contracts import contracts
from tests.flow.calls import Dies, Killed, Office, calls, records
from tests.flow.checker import invoices as checker
from tests.flow.checker.books import Books
from tests.flow.ledger_checker import invoiced
from tests.flow.world import World

WORKERS, ROUNDS = 4, 12
KILLED, LOST, CLICKED = 0.25, 0.2, 0.15
BETWEEN = timedelta(minutes=35)
"""Between rounds; longer than an invoice that is not seen is waited for."""
WAYS = {"before it wrote": (records, False), "after its record": (records, True), "after its call": (calls, True)}


@dataclass
class Storm:
    """One storm over so many contracts. ``struck`` counts what really happened."""

    world: World
    mode: Mode
    seed: int
    size: int
    struck: Counter[str] = field(default_factory=Counter)
    ended: dict[UUID, Settlement] = field(default_factory=dict)
    _lost: list[Rule] = field(default_factory=list)
    _deliveries: Counter[UUID] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> list[str]:
        """Rage until every command has come to its end; everything that is wrong with the books then."""
        chance = Random(self.seed)
        office = Office(self.world, self.mode)
        self.world.make_the_action_racy()
        # Hours of work in a minute: our own budget, which knows no simulated time, would hold most of it back.
        token = StaticToken(self.world.sandbox.tokens["service"])
        boundless = Budget(Limits(requests=10**9, execution=timedelta(days=365)))
        self.world.client = DataverseClient(
            self.world.sandbox.dataverse, token, tag="psa-connector", budget=boundless, pool=2 * WORKERS
        )
        totals = contracts(self.world, self.size, chance)
        waiting = [self._command(contract) for contract in totals]
        twice = [self._command(one.contract) for one in waiting if chance.random() < CLICKED]
        self.struck["double clicks"] = len(twice)
        self._plan_lost_answers(waiting, chance)
        waiting += twice
        for _ in range(ROUNDS):
            # Each is delivered to two workers at once: the lock of one was lost.
            waiting = sorted(waiting, key=lambda one: one.contract)
            with ThreadPoolExecutor(WORKERS) as workers:
                list(workers.map(lambda one: self._deliver(office, one), [one for one in waiting for _ in range(2)]))
            waiting = [one for one in waiting if one.command not in self.ended] + self._person()
            self.world.sandbox.clock.advance(BETWEEN)
            if not waiting:
                break
        self.struck["lost replies"] = sum(rule.struck for rule in self._lost)
        return [*self._faults(totals), *(f"{one.command} never ended" for one in waiting)]

    def _command(self, contract: UUID) -> CreateInvoices:
        return CreateInvoices(command=uuid4(), requested_by="clerk", contract=contract)

    def _plan_lost_answers(self, commands: Sequence[CreateInvoices], chance: Random) -> None:
        """The answer to a record, or to a call."""
        for one in commands:
            if chance.random() < LOST:
                attempt = keys.attempt_id(one.contract, one.command)
                text = chance.choice(
                    (f"psac_commands({attempt})", f"salesorders({one.contract})/Microsoft.Dynamics.CRM.{ACTION}")
                )
                self._lost.append(self.world.sandbox.faults.lose_reply(path=r"\$batch", containing=text))

    def _deliver(self, office: Office, command: CreateInvoices) -> None:
        with self._lock:
            self._deliveries.update((command.command, command.contract))
            self.struck["second deliveries"] += self._deliveries[command.command] > 1
            delivery = self._deliveries[command.contract]
        chance = Random(f"{self.seed}/{command.contract}/{delivery}")
        through = None
        if delivery <= 6 and chance.random() < KILLED:
            way = chance.choice(sorted(WAYS))
            fits, after = WAYS[way]
            through = Dies(self.world.client, fits, after=after)
        try:
            end = office.give(command, through)
        except Killed:
            with self._lock:
                self.struck["kills"] += 1
                self.struck[f"killed {way}"] += 1
            return
        if isinstance(end, Complete | DeadLetter):
            with self._lock:
                self.ended[command.command] = end

    def _person(self) -> list[CreateInvoices]:
        """Looks into every call that is in doubt, says what came of it, and asks anew where that was nothing."""
        anew = []
        found = self.world.http("GET", "psac_commands?$filter=psac_state eq 'in-doubt'").json()["value"]
        for row in found:
            contract = UUID(row["psac_subject"])
            made = self.world.http("GET", f"invoices?$filter=_salesorderid_value eq {contract}").json()["value"]
            invoice = UUID(made[0]["invoiceid"]) if made else None
            self.struck["resolved by a person"] += 1
            handler = self.world.mission.invoicing
            try:
                resolve(self.world.client, handler, UUID(row["psac_commandid"]), invoice, "clerk")
            except NotResolved:
                continue
            if invoice is None:
                anew.append(self._command(contract))
        return anew

    def _faults(self, totals: dict[UUID, Decimal]) -> list[str]:
        books = Books.read(self.world.sandbox.dataverse, self.world.sandbox.tokens["administrator"])
        wrong = list(checker.faults(books))
        for contract, total in totals.items():
            if (found := invoiced(books, str(contract))) != (1, total):
                wrong.append(f"{contract}: {found[0]} invoices, {found[1]}, expected one of {total}")
        for command, end in self.ended.items():
            if isinstance(end, DeadLetter) and end.code not in ("in-doubt", "earlier-in-doubt"):
                wrong.append(f"{command}: {end.code}: {end.sentence}")
        return wrong

    def told(self) -> str:
        """What struck, on a line."""
        return json.dumps({"mode": self.mode, "seed": self.seed, "contracts": self.size, **dict(self.struck)})
