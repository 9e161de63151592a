"""The composition root: what is wired to what, and nothing else.

    settings ─▶ DataverseClient ──────────────┬─▶ FixedPoint ─┐
                  │                           │               ├─▶ Pipeline "approvals" ─▶ Worker ─▶ queue of events
                  ▼                           │               │     (parse_event)
    Profile ─▶ ActualsHandler, or ──▶ Mission ┴───────────────┤
               VerificationHandler      ▲                     └─▶ Pipeline "commands"  ─▶ Worker ─▶ queue of commands
               ReadinessHandler, InvoicingHandler                   (parse_command)

One Dataverse client, one mission and one fixed point serve both queues, so that one project never has two commits in
flight, whichever queue asked. ``execute`` takes the same way without a queue, for a command line. Which product version
the environment is, is found out by ``check``, before anything is worked on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from uuid import UUID

from connector.bus_access import Access
from connector.clock import utc_now
from connector.dataverse.client import DataverseClient
from connector.envelope import Envelope
from connector.errors import Misconfigured
from connector.inbox import Inbox
from connector.recoverability import Policy
from connector.telemetry.pausing import CountingBreaker
from connector.telemetry.processing import measured
from connector.telemetry.receiving import MeasuredInbox
from connector.telemetry.traces import Traces
from connector.worker import Pace, Worker
from handlers import Mission
from handlers.actuals import ActualsHandler
from handlers.again import settle_patiently
from handlers.fixed_point import FixedPoint, Outcome
from handlers.gate import Grace
from handlers.given_up import GivenUp
from handlers.parsing import Ignored, parse_command, parse_event
from handlers.pipeline import Pipeline
from handlers.recorded import InvoiceCalls, Mode
from handlers.seldom_changed import SeldomChanged
from handlers.write_ceiling import WriteCeiling
from mappings.acting import AS_SIGNED_IN
from mappings.messages import AnyCommand, Message
from mappings.profile import Profile
from service.announcing import tellers
from service.answering import replies
from service.daily_due import DailyDue
from service.far_side import TAG, far_side
from service.health import Health
from service.missions import acting
from service.missions import mission as mission_of
from service.missions import rules as rules_of
from service.pausing import read as read_pause
from service.pausing_watch import Pausing
from service.probing import asked_once, mode_of
from service.profiles import profile_of
from service.settings import DataverseSettings, Settings
from service.signing_in import access_to, sign_in, tokens
from service.status.silence import Silence
from service.stopping import patiently
from service.sweep import Sweep
from service.watching import Watch

log = logging.getLogger(__name__)


@dataclass
class App:
    """One composed service. Made by ``compose``; ``check`` it before use and ``close`` it when done.

    ``rules`` says what actuals an entry must have, whoever creates them. ``profile`` is ``None`` until ``check``.
    ``mission`` is that of the command line; what comes as a message is carried out for whom the settings say.
    """

    settings: Settings
    bus: Access
    dataverse: DataverseClient
    probe: DataverseClient
    rules: ActualsHandler
    mission: Mission
    fixed_point: FixedPoint
    policy: Policy
    pipelines: tuple[Pipeline, ...]
    workers: tuple[Worker, ...]
    now: Callable[[], datetime]
    watch: Watch
    health: Health
    pausing: Pausing
    profile: Profile | None = None

    def check(self) -> None:
        """Prove that address, sign-in, tables and profile are what they must be, and work by that profile.

        Raises ``ConnectorError``, and ``NotConfigured`` for settings that do not suit the environment.
        """
        who = self.probe.who_am_i()
        wanted = self.settings.organization_id
        if wanted is not None and who.organization_id != wanted:
            raise Misconfigured(
                "other-organization",
                f"{self.dataverse.url} is organization {who.organization_id}; the settings name {wanted}.",
            )
        self.dataverse.learn()
        self._adopt(profile_of(self.probe, self.settings), who.user_id)

    def _adopt(self, profile: Profile, me: UUID) -> None:
        """Work by this profile and as this user from now on; nothing is at work yet."""
        self.profile = profile
        self.rules = rules_of(self.settings, profile)
        self.mission = mission_of(self.settings, self.rules, self.now, AS_SIGNED_IN, self.dataverse, me)
        by_message = mission_of(self.settings, self.rules, self.now, acting(self.settings), self.dataverse, me)
        for pipeline in self.pipelines:
            pipeline.mission = by_message

    def queue_checks(self) -> list[Callable[[], None]]:
        """Per queue, what proves that it may be received from, without touching a message; each may take seconds."""
        # Imported here: the SDK takes a third of a second, which a command that opens no queue need not spend.
        from connector.servicebus import probe

        bus = self.settings.servicebus
        queues = (bus.approvals_queue, bus.commands_queue)
        looks = {queue: partial(probe, access_to(queue, bus, self.bus), queue) for queue in queues}
        return [self.health.phase(f"queue {queue}", look) for queue, look in looks.items()]

    def execute(self, command: AnyCommand) -> Outcome:
        """Carry a command out here and now; what may pass at once is tried again at once, the rest is the outcome."""
        outcomes, _ = settle_patiently(self.mission, self.fixed_point, [command], self.policy, self.now)
        return outcomes[command]

    def sweep(self) -> Sweep | None:
        """What creates the invoices that are due day by day, where the settings say when."""
        due = self.settings.due
        if due.at is None:
            return None

        zone, carry_out = self.settings.business_time_zone, DailyDue(self).carry_out
        is_confirmed = due.above_ceiling == "invoice"
        held, drain = self.pausing.is_held, float(self.settings.workers.drain)
        return Sweep(due.at, zone, self.now, carry_out, confirmed=is_confirmed, drain=drain, is_held=held)

    def silence(self) -> Silence:
        """What looks for what no message tells."""
        every, after = self.settings.silence.every, self.settings.silence.after
        return Silence(self, timedelta(minutes=every), timedelta(minutes=after))

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; then finish and settle what is at work, and return. Raises ``ConnectorError`` for
        what no waiting mends; what is only away when it starts is waited for.

        Whoever stops it while it is still looking whether everything is there does not wait for the answer.
        """
        async with self.health.watched(stop):
            looks = [self.health.phase("dataverse", self.check), *self.queue_checks()]
            if not await patiently(stop, looks):
                return
            if not await patiently(stop, [self.health.phase("whether it is paused", self.pausing.begin)]):
                return
            self.health.begun()
            await self._work(stop)

    async def _work(self, stop: asyncio.Event) -> None:
        bus, actuals = self.settings.servicebus, self.settings.actuals
        profile = self.profile.name if self.profile is not None else "unknown"
        log.info("this environment is %s; its actuals are created by the %s", profile, actuals.creator)
        log.info("working: events from queue %s, commands from queue %s", bus.approvals_queue, bus.commands_queue)
        log.info(
            "patience: a passing fault is tried %d times within %d hours, then put aside; a fault of ours pauses",
            self.policy.attempts,
            self.policy.ceiling // timedelta(hours=1),
        )
        self.pausing.apply()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.watch.keep(stop))
            tasks.create_task(self.pausing.keep(stop))
            tasks.create_task(self.silence().keep(stop))
            for worker in self.workers:
                tasks.create_task(worker.run())
            if (sweep := self.sweep()) is not None:
                tasks.create_task(sweep.run(stop))
            await stop.wait()
            for worker in self.workers:
                worker.stop()

    def close(self) -> None:
        """Close the connections to Dataverse."""
        self.dataverse.close()
        self.probe.close()


def compose(settings: Settings, *, now: Callable[[], datetime] = utc_now, pace: Pace | None = None) -> App:
    """Wire the service as the settings say. Nothing is opened or asked yet. ``pace`` overrides the workers' timing."""
    signing_in, bus = sign_in(settings)
    far = far_side(settings, signing_in)
    dataverse, probe = far.dataverse, far.probe
    rules = rules_of(settings, Profile())
    mission = mission_of(settings, rules, now, AS_SIGNED_IN, dataverse)
    by_message = mission_of(settings, rules, now, acting(settings), dataverse)
    policy = Policy()

    by_product = settings.actuals.creator == "product"
    grace = settings.actuals.patience
    ceiling = WriteCeiling(
        dataverse,
        cache(lambda: probe.who_am_i().user_id),
        now,
        settings.write_ceiling.rows,
        settings.write_ceiling.amount_in,
    )
    invoices = settings.invoices
    how = asked_once(partial(mode_of, dataverse)) if invoices.mode == "probe" else partial(Mode, invoices.mode)
    fixed_point = FixedPoint(
        InvoiceCalls(dataverse, how, invoices.concurrency),
        # By the clock that also stamps rows: a host ahead of it would cut what others are given to act short, and take
        # what it read before a change for newer.
        gates=(Grace(grace, dataverse.far_now), *((ceiling,) if settings.write_ceiling.is_any else ())),
        seldom_changed=SeldomChanged(dataverse.far_now),
    )
    late_look = timedelta(minutes=0 if by_product else settings.actuals.second_look)

    def pipeline(parse: Callable[[Envelope], Message | Ignored]) -> Pipeline:
        return Pipeline(dataverse, by_message, parse, policy, now, fixed_point, grace, late_look)

    breakers: list[CountingBreaker] = []

    def worker(queue: str, receivers: int, work: Pipeline, is_fit: Callable[[], None]) -> Worker:
        traces, access = Traces(), access_to(queue, settings.servicebus, bus)
        breakers.append(CountingBreaker(queue))
        return Worker(
            lambda: MeasuredInbox(_inbox(access, queue, now), queue, traces, now=now),
            measured(work.process, queue, traces),
            is_fit,
            breaker=breakers[-1],
            pace=replace(
                pace or Pace(drain=settings.workers.drain), receivers=receivers, largest_batch=settings.workers.batch
            ),
            policy=policy,
            doubts=work.breadth,
            linger=far.linger,
        )

    events = pipeline(partial(parse_event, organization=settings.organization_id, own_tag=TAG))
    commands = pipeline(parse_command)
    commands.replies = replies(settings.servicebus, bus, now)
    commands.tellers = (GivenUp(dataverse), *tellers(settings.servicebus, bus, now))
    queues, receivers = settings.servicebus, settings.workers
    on_events = worker(queues.approvals_queue, receivers.approvals, events, _is_there(probe, ceiling.check))
    on_commands = worker(queues.commands_queue, receivers.commands, commands, _is_there(probe))
    pausing = Pausing(lambda: read_pause(probe).paused, probe.far_now, (on_events, on_commands))
    return App(
        settings=settings,
        bus=bus,
        dataverse=dataverse,
        probe=probe,
        rules=rules,
        mission=mission,
        fixed_point=fixed_point,
        policy=policy,
        pipelines=(events, commands),
        workers=(on_events, on_commands),
        now=now,
        watch=Watch(breakers, far.budget_used, far.held),
        health=Health(
            {queues.approvals_queue: on_events.status, queues.commands_queue: on_commands.status},
            far.budget_used,
            far.held,
            remark=lambda: pausing.remark,
        ),
        pausing=pausing,
    )


def dataverse_client(settings: DataverseSettings) -> DataverseClient:
    """A client that signs in as the settings say, for a single command."""
    return DataverseClient(settings.url, tokens(settings), tag=TAG)


def _inbox(access: Access, queue: str, now: Callable[[], datetime]) -> Inbox:
    # Imported here: the SDK takes a third of a second, which a command that opens no queue need not spend.
    from connector.servicebus import ServiceBusInbox

    return ServiceBusInbox(access, queue, now=now)


def _is_there(dataverse: DataverseClient, and_fit: Callable[[], None] = lambda: None) -> Callable[[], None]:
    def ask() -> None:
        dataverse.who_am_i()
        and_fit()

    return ask
