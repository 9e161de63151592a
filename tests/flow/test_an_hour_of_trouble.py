"""An hour in which something of ours is wrong, over a real Service Bus and a real Dataverse whose clock is moved on.

Nothing goes aside, no delivery and no attempt is spent for it, nobody hammers, and all ends well by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import responses
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from connector.breaker import Breaker, State
from connector.dataverse.client import DataverseClient
from connector.envelope import Envelope
from connector.recoverability import Policy
from connector.servicebus import ServiceBusInbox
from connector.settlement import Settlement
from connector.sign_in.application import Application, SecretFile
from connector.sign_in.tokens import Tokens
from connector.worker import Pace, Worker
from handlers.fixed_point import FixedPoint
from handlers.parsing import parse_event
from handlers.pipeline import Pipeline
from sandbox.company.company import LoadedEntry
from sandbox.faults import UNLIMITED
from sandbox.world import EVENTS
from tests.connector.sign_in.entra import HOST, RESOURCE, TENANT, TOKEN_URL, entra, granted, refused
from tests.flow.queue_world import listen
from tests.flow.world import World

TAG = "psa-connector"
FOR_EVER = 1e9
"""Seconds: what is awaited on a clock that jumps is not given up for it."""
IN_TIME = 60.0
STEP = timedelta(minutes=15)
ALL_BUT_WHO_AM_I = r"^(?!.*WhoAmI)"
"""Who has lost every role may still ask who he is, so that the probe finds nothing wrong."""


class Service:
    """One worker on the event queue, which signs in by a secret in a file, at the sandbox's clock."""

    def __init__(self, world: World, http: responses.RequestsMock, secret: Path) -> None:
        self.world, self.http = world, http
        self.seen: list[Envelope] = []
        self.tokens = Tokens(Application(HOST, TENANT, "client-1", SecretFile(secret)), RESOURCE)
        self.client = DataverseClient(world.sandbox.dataverse, self.tokens, tag=TAG, sleep=lambda _: None)
        self._pipeline = Pipeline(
            dataverse=self.client,
            mission=world.mission,
            parse=partial(parse_event, organization=None, own_tag=TAG),
            policy=Policy(),
            now=world.now,
            fixed_point=FixedPoint(self.client),
        )
        self.breaker = Breaker()
        self.worker = Worker(
            lambda: ServiceBusInbox(world.sandbox.servicebus, EVENTS, now=world.now),
            self._process,
            self._probe,
            pace=Pace(receivers=1, max_wait=0.2, silence=FOR_EVER, close_within=FOR_EVER, longest_work=FOR_EVER),
            breaker=self.breaker,
            doubts=self._pipeline.breadth,
            now=world.now,
            sleep=self._sleep,
        )

    def _probe(self) -> None:
        self.client.who_am_i()

    def _process(self, envelopes: Sequence[Envelope]) -> list[Settlement]:
        self.seen += envelopes
        return self._pipeline.process(envelopes)

    async def _sleep(self, seconds: float) -> None:
        until = self.world.now() + timedelta(seconds=min(seconds, FOR_EVER))
        while self.world.now() < until:
            await asyncio.sleep(0.02)

    async def quiet(self) -> None:
        """Until it holds no message, and takes none before time has passed."""
        bus, calm = self.world.sandbox.bus, 0
        async with asyncio.timeout(IN_TIME):
            while calm < 3:
                await asyncio.sleep(0.02)
                counts, waits = bus.counts(EVENTS), self.breaker.wait(self.world.now()) > timedelta()
                calm = calm + 1 if not counts.locked and (waits or not counts.active) else 0

    async def live(self, steps: int) -> None:
        """So many quarters of an hour pass, at none of which a message is at work."""
        for _ in range(steps):
            await self.quiet()
            self.world.sandbox.clock.advance(STEP)
        await self.quiet()


@dataclass(frozen=True)
class Trouble:
    """``begin`` returns what counts how often it struck; ``code`` is what the pause says."""

    begin: Callable[[Service], Callable[[], int]]
    end: Callable[[Service], None]
    code: str


def _faulty(**fault: object) -> Callable[[Service], Callable[[], int]]:
    def begin(service: Service) -> Callable[[], int]:
        rule = service.world.sandbox.faults.refuse(times=UNLIMITED, **fault)  # type: ignore[arg-type]
        return lambda: rule.struck

    return begin


def _mended(service: Service) -> None:
    service.world.sandbox.faults.release_all()


def _expires(service: Service) -> Callable[[], int]:
    refusals = service.http.replace(responses.POST, TOKEN_URL, status=401, json=refused("AADSTS7000222"))
    service.tokens.drop()
    return lambda: refusals.call_count


def _renewed(service: Service) -> None:
    service.http.replace(responses.POST, TOKEN_URL, json=granted(service.world.sandbox.tokens["service"]))


RENAMED = "Could not find a property named 'msdyn_duration' on type 'Microsoft.Dynamics.CRM.msdyn_timeentry'."
TROUBLES = {
    "Dataverse is down": Trouble(_faulty(status=503), _mended, "unavailable"),
    "the secret has expired": Trouble(_expires, _renewed, "sign-in-AADSTS7000222"),
    "every role was removed": Trouble(
        _faulty(status=403, code="0x80040220", message="Principal is missing prvRead.", path=ALL_BUT_WHO_AM_I),
        _mended,
        "missing-privilege",
    ),
    "a column was renamed": Trouble(
        _faulty(status=400, code="0x80060888", message=RENAMED, path="msdyn_timeentries"), _mended, "unknown-name"
    ),
}


@contextmanager
def announced(world: World, entries: Sequence[LoadedEntry]) -> Iterator[Callable[[int], None]]:
    """The events of these approvals, kept back; a part of them is posted at each call."""
    world.approve(*entries)
    assert world.sandbox.events.idle(30)
    with ServiceBusClient.from_connection_string(world.sandbox.servicebus) as client:
        kept: list[ServiceBusMessage] = []
        with client.get_queue_receiver(EVENTS) as receiver:
            while world.sandbox.bus.counts(EVENTS).active:
                for one in receiver.receive_messages(max_message_count=100, max_wait_time=1):
                    body, kind = b"".join(one.body), one.content_type
                    kept.append(
                        ServiceBusMessage(body, content_type=kind, application_properties=one.application_properties)
                    )
                    receiver.complete_message(one)
        with client.get_queue_sender(EVENTS) as sender:

            def post(count: int) -> None:
                part, kept[:count] = kept[:count], []
                if part:
                    sender.send_messages(part)

            yield post
        assert not kept


@pytest.mark.parametrize("name", TROUBLES)
def test_an_hour_of_trouble_costs_nothing_and_ends_by_itself(world: World, name: str, tmp_path: Path) -> None:
    trouble = TROUBLES[name]
    listen(world)
    file = tmp_path / "secret"
    file.write_text("s", encoding="utf-8")
    plain = [one for one in world.company.entries.values() if one.decision is None and one.project == "P1"][:12]
    assert len(plain) == 12

    async def scenario(service: Service, post: Callable[[int], None]) -> None:
        run = asyncio.ensure_future(service.worker.run())
        post(3)
        await service.quiet()
        struck = trouble.begin(service)
        for _ in range(4):
            post(6)
            await service.live(1)
        paused = service.worker.status()
        assert (paused.state is not State.RUNNING, paused.code) == (True, trouble.code)
        assert 0 < struck() < 400, "it strikes, and is not hammered at"
        trouble.end(service)
        post(1000)
        await service.live(2)
        assert service.worker.status().state is State.RUNNING
        service.worker.stop()
        await run

    with entra() as http:
        http.add_passthru(world.sandbox.dataverse)
        http.post(TOKEN_URL, json=granted(world.sandbox.tokens["service"]))
        service = Service(world, http, file)
        with announced(world, plain) as post:
            asyncio.run(scenario(service, post))
        left = world.sandbox.bus.counts(EVENTS)
    assert (left.active, left.locked, left.scheduled, left.dead_letter) == (0, 0, 0, 0)
    assert max(one.delivery_count for one in service.seen) < 7
    assert max(one.attempt for one in service.seen) <= 4
    assert world.faults() == []
    assert all(world.live(entry) for entry in plain)
