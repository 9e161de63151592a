"""Everything `status` looks at, one after the other, in a number of requests that does not grow with the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from connector.errors import Misconfigured
from mappings.watermark import Watermark
from service.event_sender import received_from
from service.not_configured import NotConfigured
from service.signing_in import access_to
from service.status.approval_sets import SETS, approval_sets
from service.status.approvals import UNSEEN, UNSERVED, told, unserved, went_live
from service.status.event_chain import JOBS, STEPS, EventChain
from service.status.ledger import READY, WITHOUT, ZERO_PRICE, Ledger
from service.status.part import Look, Part, Remedies, State, looked
from service.status.queues import APPROVALS, COMMANDS, queue
from service.status.recorded import BROKEN_OFF, DOUBT, PAUSED, RECONCILED, SUCCESS, Records, mark_of, reconciled
from service.status.rights import RIGHTS, rights
from service.status.running_service import SERVICE, running
from service.status.schedules import OVERDUE, day_before, overdue

if TYPE_CHECKING:
    from service.app import App

DATAVERSE = "dataverse"
NARROWLY = timedelta(minutes=1)
"""What was committed at the very moment ``reconcile`` looked may have been missed."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found ``at`` a moment in the environment at ``url``."""

    at: datetime
    url: str
    parts: tuple[Part, ...]

    @property
    def needs_a_person(self) -> bool:
        """Whether somebody has to do something."""
        return any(part.state is State.ATTENTION for part in self.parts)

    @property
    def is_partial(self) -> bool:
        """Whether somebody was asked and gave no answer."""
        return any(part.state is State.NO_ANSWER for part in self.parts)


@dataclass(frozen=True, slots=True)
class Question:
    """A look, and the parts it tells of; ``is_optional`` as for ``looked``."""

    keys: Sequence[str]
    look: Look
    is_optional: bool = False


def everything(app: App, remedies: Remedies, after: timedelta, service: str | None = None) -> Report:
    """Look at the running service, at Dataverse and at Service Bus; nothing is written, no message is touched.

    ``after``: how long an approved entry may be without actuals. ``service``: the address of a running service.
    """
    parts = looked([SERVICE], partial(running, service), remedies)
    parts += of_dataverse(app, remedies, after)
    parts += of_queues(app, remedies)
    return Report(app.now(), app.dataverse.url, tuple(parts))


def everything_in_dataverse(app: App, remedies: Remedies, after: timedelta, *, with_schedules: bool = True) -> Report:
    """As ``everything``, of Dataverse alone: what a service at work can't tell by the messages that come."""
    parts = of_dataverse(app, remedies, after, with_schedules=with_schedules)
    return Report(app.now(), app.dataverse.url, tuple(parts))


def of_queues(app: App, remedies: Remedies, *, are_to_be_empty: bool = False) -> list[Part]:
    """The two queues; ``are_to_be_empty`` as for one of them."""
    bus = app.settings.servicebus

    def one(key: str, name: str) -> list[Part]:
        access = access_to(name, bus, app.bus)
        look = partial(queue, key, access, name, app.now(), is_to_be_empty=are_to_be_empty)
        return looked([key], look, remedies)

    # Side by side: opening and closing take most of the time.
    with ThreadPoolExecutor(2, thread_name_prefix="queue") as threads:
        both = threads.map(one, (APPROVALS, COMMANDS), (bus.approvals_queue, bus.commands_queue))
        return [part for parts in both for part in parts]


def of_dataverse(app: App, remedies: Remedies, after: timedelta, *, with_schedules: bool = True) -> list[Part]:
    """Sign-in first: where that fails nothing else is asked. The rest hides nothing of each other."""
    me: list[UUID] = []
    parts = looked([DATAVERSE], partial(signed_in, app, me), remedies)
    if not me:
        return parts + _unseen([key for one in questions(app, UUID(int=0), None, after) for key in one.keys])
    marks: list[Watermark | None] = []
    parts += looked([RECONCILED], partial(_reconciled, app, marks), remedies)
    mark = marks[0] if marks else None
    is_fit = parts[0].state is State.OK
    for one in questions(app, me[0], mark, after, with_schedules=with_schedules):
        if set(one.keys) <= {UNSERVED, UNSEEN, OVERDUE} and not is_fit:
            parts += _unseen(one.keys)
        else:
            parts += looked(one.keys, one.look, remedies, is_optional=one.is_optional)
    return parts


def signed_in(app: App, me: list[UUID]) -> Iterator[Part]:
    """Whether Dataverse is there, and is the one that is meant. Raises ``ConnectorError``, after telling who we are."""
    who = app.probe.who_am_i()
    wanted = app.settings.organization_id
    if wanted is not None and wanted != who.organization_id:
        raise Misconfigured(
            "other-organization",
            f"{app.dataverse.url} is organization {who.organization_id}; the settings name {wanted}.",
        )
    me.append(who.user_id)
    if app.profile is None:
        try:
            app.check()
        except NotConfigured as error:
            # What needs no profile is looked at all the same, and so are the queues.
            said = f"The settings do not suit {app.dataverse.url}: {' '.join(error.faults)}"
            yield Part(DATAVERSE, State.ATTENTION, said, "psa-connector check", len(error.faults))
            return
    yield Part(DATAVERSE, State.OK, f"Signed in to {app.dataverse.url}.")


def questions(
    app: App, me: UUID, mark: Watermark | None, after: timedelta, *, with_schedules: bool = True
) -> Iterator[Question]:
    """All that is asked of Dataverse. ``mark``: how far ``reconcile`` has looked."""
    settings, now = app.settings, app.probe.far_now()
    records = Records(app.dataverse, now, timedelta(minutes=settings.invoices.patience))
    ledger = Ledger(app.dataverse, now)
    creates = settings.actuals.creator == "service"
    since = None if mark is None else mark.until - NARROWLY
    patience = max(after, settings.actuals.patience)
    yield Question([RIGHTS], partial(rights, app.dataverse, me))
    yield Question([PAUSED], records.pause)
    yield Question([SUCCESS], partial(records.last_success, me, creates=creates))
    live = went_live(settings.actuals.start_from, settings.business_time_zone)
    yield Question(
        [UNSERVED, UNSEEN],
        lambda: told(unserved(app.mission.entries, app.dataverse, now, patience, since, live), now, patience),
    )
    bus = settings.servicebus
    chain = EventChain(app.dataverse, bus.approvals_queue, received_from(bus), since, now)
    yield Question([STEPS, JOBS], chain.parts, is_optional=True)
    yield Question([SETS], partial(approval_sets, app.dataverse, now), is_optional=True)
    yield Question([ZERO_PRICE], ledger.zero_price)
    yield Question([WITHOUT], ledger.without_customer)
    yield Question([READY], ledger.ready_not_invoiced)
    if with_schedules:
        before = day_before(now, settings.due.at, settings.business_time_zone)
        yield Question([OVERDUE], lambda: overdue(app.dataverse, app.mission.due, app.fixed_point, before))
    yield Question([DOUBT], records.in_doubt)
    yield Question([BROKEN_OFF], records.broken_off)


def _reconciled(app: App, marks: list[Watermark | None]) -> Iterator[Part]:
    marks.append(mark_of(app.dataverse))
    yield reconciled(marks[0], app.probe.far_now())


def _unseen(keys: Sequence[str]) -> list[Part]:
    return [Part(key, State.NOT_SEEN, "It can't be looked at until Dataverse is.") for key in keys]
