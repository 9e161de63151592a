"""Steps: after a commit, whoever registered for it hears of it over the service bus."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final
from uuid import UUID, uuid4

from sandbox.clock import Clock
from sandbox.dataverse import system_job_rows
from sandbox.dataverse.event_posts import (
    BUS_ERRORS,
    FAILED,
    IN_PROGRESS,
    SUCCEEDED,
    WAITING,
    Property,
    Senders,
    SystemJob,
)
from sandbox.dataverse.event_steps import REGISTRATION_TABLES, Step, registered
from sandbox.dataverse.execution_context import Sender, context, without_bulk
from sandbox.dataverse.http.json_text import dump
from sandbox.dataverse.seed import BUSINESS_UNIT, ORGANIZATION
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link, Written

CLAIMS: Final = "http://schemas.microsoft.com/xrm/2011/Claims/"
LARGEST_BODY: Final = 192 * 1024
"""Bytes; a larger context is posted without parameters, images and parent."""


class EventPoster:
    """Turns committed writes into posts, one system job each, sent by a worker of its own.

    ``transaction`` opens a unit of work on the organisation. Jobs of one step are posted in the order of their commits:
    while the first waits for a bus that is away, the ones behind it wait too. Synchronous steps are posted after the
    commit like the others and differ in their content only; the real platform posts them before it.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[Transaction]], clock: Clock) -> None:
        self._transaction = transaction
        self._clock = clock
        self._steps: list[Step] | None = None
        self._lanes: dict[UUID, deque[SystemJob]] = {}
        self._failed: list[SystemJob] = []
        self._posted = 0
        self._changed = threading.Condition()
        self._draining = False
        self._worker: threading.Thread | None = None
        clock.on_advance(self._wake)

    # what the organisation calls

    def on_committed(self, writes: Sequence[Written]) -> None:
        """Make a job for every step that hears of a write; called once per transaction, in the order of commits."""
        if self._steps is None or any(write.table in REGISTRATION_TABLES for write in writes):
            with self._transaction() as work:
                self._steps = registered(work)
        heard = [(write, step) for write in writes for step in self._steps if step.hears(write)]
        if not heard:
            return
        with self._transaction() as work:
            jobs = [self._job(work, write, step) for write, step in heard]
        with self._changed:
            for job in jobs:
                self._failed.append(job) if job.state == FAILED else self._lane(job).append(job)
            self._changed.notify_all()

    # what its owner calls

    def start(self) -> None:
        """Begin to post."""
        if self._worker is not None:
            raise RuntimeError("The event poster is started already.")
        self._draining = False
        self._worker = threading.Thread(target=self._run, name="sandbox-events", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Post what can be posted at once, then stop; jobs that wait for their next attempt stay waiting."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        with self._changed:
            self._draining = True
            self._changed.notify_all()
        worker.join()

    def idle(self, timeout: float) -> bool:
        """Wait until every job is posted or has failed; ``False`` if that takes more than ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not any(self._lanes.values()), timeout)

    @property
    def posted(self) -> int:
        """How many messages the bus has taken."""
        with self._changed:
            return self._posted

    @property
    def unfinished(self) -> list[SystemJob]:
        """Jobs that wait or have failed, as a list of failed system jobs would show them."""
        with self._changed:
            waiting = [job for lane in self._lanes.values() for job in lane if job.state == WAITING]
            return waiting + self._failed

    # the worker

    def _run(self) -> None:
        senders = Senders()
        try:
            while (job := self._next()) is not None:
                self._post(senders, job)
                self._settle(job)
        finally:
            senders.close()

    def _post(self, senders: Senders, job: SystemJob) -> None:
        """Try once. This is the boundary of the worker: whatever else the SDK raises fails the job, not the worker."""
        job.state = IN_PROGRESS
        self._record(job)
        try:
            senders.send(job)
        except BUS_ERRORS as error:
            job.put_off(self._clock.now(), _reason(error))
        except Exception as error:  # noqa: BLE001
            job.fail(f"The service endpoint cannot be posted to: {_reason(error)}")
        else:
            job.state = SUCCEEDED

    def _next(self) -> SystemJob | None:
        """The next job to post, once one is due; ``None`` when draining and none is."""
        with self._changed:
            while True:
                now = self._clock.now()
                heads = [lane[0] for lane in self._lanes.values() if lane]
                due = [job for job in heads if job.due <= now]
                if due:
                    return min(due, key=lambda job: job.due)
                if self._draining:
                    return None
                waits = [(job.due - now).total_seconds() for job in heads]
                self._changed.wait(min(waits, default=None))

    def _settle(self, job: SystemJob) -> None:
        self._record(job)  # first, so that whoever finds the job done finds its row so too
        with self._changed:
            if job.state == SUCCEEDED:
                self._posted += 1
            if job.state in (SUCCEEDED, FAILED):
                self._lane(job).popleft()
            if job.state == FAILED:
                self._failed.append(job)
            self._changed.notify_all()

    def _record(self, job: SystemJob) -> None:
        if job.has_row:
            with self._transaction() as work:
                system_job_rows.record(work, job)

    def _lane(self, job: SystemJob) -> deque[SystemJob]:
        return self._lanes.setdefault(job.step, deque())

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    # one job

    def _job(self, work: Transaction, write: Written, step: Step) -> SystemJob:
        operation = uuid4()
        sender = _sender(work, write, step)
        whole = context(
            write, work.catalog.table(write.table), sender, step.images, operation, lambda link: _name(work, link)
        )
        properties = _properties(write, step, sender)
        body = dump(whole).encode()
        if len(body) > LARGEST_BODY:
            body = dump(without_bulk(whole)).encode()
            properties["MessageMaxSizeExceeded"] = True
        job = SystemJob(
            operation,
            step.id,
            step.endpoint,
            body,
            write.correlation_id,
            properties,
            due=self._clock.now(),
            has_row=step.asynchronous,
            leaves_no_row=step.auto_delete,
        )
        if step.endpoint.refusal is not None:
            job.fail(step.endpoint.refusal)
        elif len(body) > LARGEST_BODY:
            job.fail(f"The message is larger than {LARGEST_BODY} bytes even without parameters and images.")
        if job.has_row:
            system_job_rows.add(work, job, write, step)
        return job


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _properties(write: Written, step: Step, sender: Sender) -> dict[str | bytes, Property]:
    properties: dict[str | bytes, Property] = {
        f"{CLAIMS}Organization": sender.organization_name,
        f"{CLAIMS}EntityLogicalName": write.table,
        f"{CLAIMS}RequestName": write.message,
        f"{CLAIMS}InitiatingUserAgent": "",
    }
    if step.endpoint.user_claims:
        properties |= {f"{CLAIMS}User": str(write.user), f"{CLAIMS}InitiatingUser": str(write.user)}
    return properties


def _sender(work: Transaction, write: Written, step: Step) -> Sender:
    user = work.get("systemuser", write.user) or {}
    unit, person = user.get("businessunitid"), user.get("azureactivedirectoryobjectid")
    return Sender(
        organization=ORGANIZATION,
        organization_name=_name(work, Link("organization", ORGANIZATION)) or "",
        business_unit=unit.id if isinstance(unit, Link) else BUSINESS_UNIT,
        step=step.id,
        step_name=step.name,
        mode=step.mode,
        user_object=person if isinstance(person, UUID) else None,
    )


def _name(work: Transaction, link: Link) -> str | None:
    column = work.catalog.table(link.table).name_column
    row = work.get(link.table, link.id)
    name = row.get(column) if row is not None and column is not None else None
    return name if isinstance(name, str) else None
