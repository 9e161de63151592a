"""The product's own chain, by which events come: service endpoint, steps, and the system jobs that post.

A job that failed or was canceled is an event that never comes; what was changed before the last ``reconcile`` has been
looked at since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from connector.dataverse.client import DataverseClient
from connector.dataverse.query import Compare, Query, all_of, any_of, either, equals
from mappings.row import Row
from service.registering.wanted import FORM, WATCHED, Watched, address_of, hears, same
from service.status.counting import counted
from service.status.part import Named, Part, State, ago, number

STEPS, JOBS = "steps", "system-jobs"
READ_BY = ("contract", "messageformat")
"""Columns of an endpoint without whose values nobody here could read what it posts."""
HEARD_BY = ("sdkmessagefilterid", "eventhandler", "stage", "mode", "filteringattributes")
"""Columns of a step that say what it posts, and when."""
ENDPOINT, STEP, FILTER, JOB = "serviceendpoint", "sdkmessageprocessingstep", "sdkmessagefilter", "asyncoperation"
ENABLED = 0
WAITING_FOR_RESOURCES, WAITING, FAILED, CANCELED = 0, 10, 31, 32
"""``asyncoperation.statuscode``."""
STUCK = timedelta(minutes=15)
FIRST_LOOK = timedelta(days=30)
"""How far back failed jobs count where nothing was ever reconciled."""
LONGEST_WHY = 200
"""Characters of what a job says went wrong."""
MOST = 50
"""Endpoints and steps that post to one queue."""


@dataclass(frozen=True, slots=True)
class EventChain:
    """How Dataverse posts to ``queue`` of the namespace at ``address``, which this service receives from.

    ``since``: what was changed before was looked at by ``reconcile``.
    """

    client: DataverseClient
    queue: str
    address: str
    since: datetime | None
    now: datetime

    def parts(self) -> Iterator[Part]:
        """The steps, and the jobs of those steps. Raises ``ConnectorError``."""
        endpoints = self._some(Query(ENDPOINT, ("name", "namespaceaddress", *READ_BY), equals("path", self.queue)))
        steps: Sequence[Row] = ()
        if endpoints:
            of_ours = either(*(equals("eventhandler", one.id) for one in endpoints))
            steps = self._some(Query(STEP, ("name", "statecode", *HEARD_BY), of_ours))
        here = {one.id for one in endpoints if same("namespaceaddress", one.text("namespaceaddress"), self.address)}
        if endpoints and not here:
            yield self._elsewhere(endpoints)
        else:
            yield self._steps(endpoints, [one for one in steps if one.link_id("eventhandler") in here])
        yield self._jobs(steps) if steps else Part(JOBS, State.OK, "No step posts, so no job does.", count=0)

    def _elsewhere(self, endpoints: Sequence[Row]) -> Part:
        there = ", ".join(sorted({_host(one.text("namespaceaddress")) for one in endpoints}))
        return Part(
            STEPS,
            State.ATTENTION,
            f"What posts to queue {self.queue} posts to it at {there}; this service receives at {_host(self.address)}.",
            "psa-connector check: after a copy of the environment that is so (docs/environment-copy.md)",
            len(endpoints),
            rows=tuple(Named(one.ref, one.text("name") or str(one.id)) for one in endpoints),
        )

    def _some(self, question: Query) -> Sequence[Row]:
        return counted(self.client, question, MOST).rows

    def _steps(self, endpoints: Sequence[Row], steps: Sequence[Row]) -> Part:
        filters = {id for one in steps if (id := one.link_id("sdkmessagefilterid")) is not None}
        found: Sequence[Row] = ()
        if filters:
            named = either(*(equals(f"{FILTER}id", id) for id in sorted(filters)))
            found = self._some(Query(FILTER, ("primaryobjecttypecode",), named))
        table_of: dict[UUID | None, str | None] = {row.id: row.text("primaryobjecttypecode") for row in found}
        off = [one for one in steps if one.choice("statecode") != ENABLED]
        on: dict[str, list[tuple[Row, str]]] = {}
        unreadable = {one.id for one in endpoints if any(one.choice(column) != FORM[column] for column in READ_BY)}
        for watched in WATCHED:
            mine = [one for one in steps if table_of.get(one.link_id("sdkmessagefilterid")) == watched.table]
            on[watched.table] = [(one, _why_not(watched, one, unreadable)) for one in mine if one not in off]
        deaf = [table for table, posting in on.items() if not posting]
        partly = [table for table, posting in on.items() if posting and all(why for _, why in posting)]
        rows = [Named(one.ref, one.text("name") or str(one.id), "It is disabled.") for one in off]
        rows += [Named(one.ref, one.text("name") or str(one.id), why) for table in partly for one, why in on[table]]
        if not endpoints:
            return Part(
                STEPS,
                State.ATTENTION,
                f"No service endpoint posts to queue {self.queue}: approvals are only found by reconcile.",
                "psa-connector register",
                0,
            )
        if not off and not deaf and not partly:
            return Part(STEPS, State.OK, f"{len(steps)} steps post to queue {self.queue}.", count=len(steps))
        said = f"Nothing is posted of {' and '.join(deaf)}." if deaf else ""
        if partly:
            said += f" Not every change of {' and '.join(partly)} is posted, or not so that it can be read."
        todo = "psa-connector register, then: psa-connector reconcile --repair"
        if off:
            todo = "Enable the step again (see docs/operate.md), then: psa-connector reconcile --repair"
        count = len(off) or len(deaf) + len(partly)
        return Part(STEPS, State.ATTENTION, said.strip() or "A step is disabled.", todo, count, rows=tuple(rows))

    def _jobs(self, steps: Sequence[Row]) -> Part:
        since = self.since or self.now - FIRST_LOOK
        of_ours = either(*(equals("owningextensionid", one.id) for one in steps))
        columns = ("name", "message", "createdon", "regardingobjectid")
        failed = counted(
            self.client,
            Query(
                JOB,
                columns,
                all_of(of_ours, any_of("statuscode", (FAILED, CANCELED)), Compare("createdon", "ge", since)),
                ("createdon",),
            ),
        )
        waiting = counted(
            self.client,
            Query(
                JOB,
                columns,
                all_of(
                    of_ours,
                    any_of("statuscode", (WAITING, WAITING_FOR_RESOURCES)),
                    Compare("createdon", "lt", self.now - STUCK),
                ),
                ("createdon",),
            ),
        )
        lost = number(failed.count, "event was", "events were", is_more=failed.is_more)
        late = number(waiting.count, "waits", "wait", is_more=waiting.is_more)
        covered = "since the last reconcile" if self.since is not None else f"in the last {FIRST_LOOK.days} days"
        todo = ""
        if waiting.count:
            todo = "Can Dataverse reach Service Bus, and is its key valid? psa-connector check"
        if failed.count:
            todo = "psa-connector reconcile --repair"
        rows = (*failed.rows, *waiting.rows)
        oldest = min((moment for one in rows if (moment := one.instant("createdon"))), default=None)
        since_when = "" if oldest is None else f" The oldest is from {ago(self.now, oldest)} ago."
        return Part(
            JOBS,
            State.ATTENTION if rows else State.OK,
            f"{lost} not posted {covered}; {late} for more than {STUCK.seconds // 60} minutes.{since_when}",
            todo,
            failed.count + waiting.count,
            failed.is_more or waiting.is_more,
            oldest,
            tuple(_job(one) for one in rows)[:5],
            {"failed": failed.count, "waiting": waiting.count},
        )


def _why_not(watched: Watched, step: Row, unreadable: Collection[UUID | None]) -> str:
    """Why a step does not tell of every change of a table; empty where it does."""
    if step.link_id("eventhandler") in unreadable:
        return "Its endpoint posts in a form that is not read here."
    there = {"stage": step.choice("stage"), "mode": step.choice("mode")}
    listens_to = step.text("filteringattributes")
    if hears(watched, there | {"filteringattributes": listens_to}):
        return ""
    return f"It posts at stage {there['stage']}, mode {there['mode']}, on changes of {listens_to or 'any column'}."


def _host(address: str | None) -> str:
    host, port = address_of(address)
    return host if port is None else f"{host}:{port}"


def _job(row: Row) -> Named:
    about = row.link("regardingobjectid")
    name = row.text("name") or str(row.id)
    return Named(row.ref, name if about is None else f"{name}, {about}", (row.text("message") or "")[:LONGEST_WHY])
