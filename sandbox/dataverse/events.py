"""Steps: whoever registered for a write hears of it over the service bus, after its commit or in its transaction."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from sandbox.clock import Clock
from sandbox.dataverse import system_job_rows
from sandbox.dataverse.event_faults import EventFault, EventFaults
from sandbox.dataverse.event_messages import job_for
from sandbox.dataverse.event_posts import BUS_ERRORS, FAILED, IN_PROGRESS, READY, SUCCEEDED, WAITING, Senders, SystemJob
from sandbox.dataverse.event_steps import REGISTRATION_TABLES, Step, registered
from sandbox.dataverse.organisation import Organisation
from sandbox.dataverse.row_locks import deadlock
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Refused, Written


class EventPoster:
    """Turns writes into posts: those of asynchronous steps are system jobs, sent after the commit by a worker.

    Jobs of one step are posted in the order of their commits: while the first waits for a bus that is away, the ones
    behind it wait too. A synchronous step posts inside the transaction of its write; when that fails the write is
    refused, and when the transaction fails later the message is out all the same. ``faults`` plans what goes wrong.
    ``transaction`` opens a unit of work on the organisation.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[Transaction]], clock: Clock) -> None:
        self.faults = EventFaults()
        self._transaction = transaction
        self._clock = clock
        self._steps: list[Step] = []
        self._lanes: dict[UUID, deque[SystemJob]] = {}
        self._overtaken: dict[UUID, list[tuple[SystemJob, EventFault]]] = {}
        self._failed: list[SystemJob] = []
        self._posted = 0
        self._changed = threading.Condition()
        self._draining = False
        self._worker: threading.Thread | None = None
        self._inline = Senders()
        clock.on_advance(self._wake)

    def hear(self, organisation: Organisation) -> None:
        """Listen to an organisation from now on. Jobs it still had when its file was closed have failed."""
        with self._transaction() as work:
            system_job_rows.give_up(work)
        self.look_again()
        organisation.on_write = self.on_write
        organisation.listeners.append(self)

    # what the organisation calls

    def on_write(self, work: Transaction, write: Written) -> None:
        """Post for every synchronous step that hears of the write, before anything is committed."""
        for step in self._steps:
            if step.asynchronous or not step.hears(write):
                continue
            job = job_for(work, write, step, self._clock.now())
            self._send(self._inline, job)
            if job.state != SUCCEEDED:
                raise Refused(f"The step {step.name!r} cannot post to its service endpoint: {job.message}")
            with self._changed:
                self._posted += 1
            fault = self.faults.turn("roll back", job)
            if fault is not None:
                self.faults.strikes(fault)
                raise deadlock()

    def on_committed(self, writes: Sequence[Written]) -> None:
        """Make a job for every asynchronous step that hears of a write; called once per transaction, in their order."""
        if any(write.table in REGISTRATION_TABLES for write in writes):
            self.look_again()
        heard = [(write, step) for write in writes for step in self._steps if step.asynchronous and step.hears(write)]
        if not heard:
            return
        jobs: list[SystemJob] = []
        with self._transaction() as work:
            for write, step in heard:
                jobs.append(job_for(work, write, step, self._clock.now()))
                system_job_rows.add(work, jobs[-1], write, step)
        with self._changed:
            for job in jobs:
                self._failed.append(job) if job.state == FAILED else self._line_up(job)
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
        self._inline.close()

    def look_again(self) -> None:
        """Read the registered steps anew."""
        with self._transaction() as work:
            self._steps = registered(work)

    def forget(self) -> None:
        """Drop every job that is not posted yet and read the steps anew: the rows are those of another time now."""
        with self._changed:
            self._lanes.clear()
            self._overtaken.clear()
            self._failed.clear()
            self._changed.notify_all()
        self.look_again()

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
            while (found := self._next()) is not None:
                lane, job = found
                if self._called_off(job):
                    self._drop(lane, job)
                    continue
                if (fault := self.faults.turn("lose", job)) is not None:
                    self._lose(lane, job, fault)
                    continue
                job.state, begun = IN_PROGRESS, self._clock.now()
                self._record(job)
                self._send(senders, job)
                self._settle(lane, job, begun)
        finally:
            senders.close()

    def _send(self, senders: Senders, job: SystemJob) -> None:
        """Try once. This is the boundary to the SDK: whatever else it raises fails the job, and nothing else."""
        if job.state == FAILED:
            return
        try:
            senders.send(job)
        except BUS_ERRORS as error:
            job.put_off(self._clock.now(), _reason(error))
        except Exception as error:  # noqa: BLE001
            job.fail(f"The service endpoint cannot be posted to: {_reason(error)}")
        else:
            job.state = SUCCEEDED

    def _next(self) -> tuple[UUID, SystemJob] | None:
        """The next job to post and its lane, once one is due; ``None`` when draining and none is."""
        with self._changed:
            while True:
                now = self._clock.now()
                heads = [(lane, jobs[0]) for lane, jobs in self._lanes.items() if jobs]
                due = [(lane, job) for lane, job in heads if job.due <= now]
                if due:
                    return min(due, key=lambda entry: entry[1].due)
                if self._draining:
                    return None
                waits = [(job.due - now).total_seconds() for _, job in heads]
                self._changed.wait(min(waits, default=None))

    def _settle(self, lane: UUID, job: SystemJob, begun: datetime) -> None:
        self._record(job)  # first, so that whoever finds the job done finds its row so too
        with self._changed:
            if job.state == SUCCEEDED:
                self._posted += 1
                self._post_again(job, begun)
                self._let_go(job)
            if job.state in (SUCCEEDED, FAILED):
                self._leave(lane, job)
            if job.state == FAILED:
                self._failed.append(job)
            self._changed.notify_all()

    def _lose(self, lane: UUID, job: SystemJob, fault: EventFault) -> None:
        with contextlib.suppress(Refused), self._transaction() as work:
            system_job_rows.purge(work, job)
        self.faults.strikes(fault)
        self._drop(lane, job)

    def _drop(self, lane: UUID, job: SystemJob) -> None:
        with self._changed:
            self._leave(lane, job)
            self._changed.notify_all()

    def _called_off(self, job: SystemJob) -> bool:
        if not job.has_row:
            return False
        with self._transaction() as work:
            return system_job_rows.called_off(work, job)

    def _record(self, job: SystemJob) -> None:
        if not job.has_row:
            return
        # With row locks on somebody may keep the row too long; it then says a little longer where the job stood.
        with contextlib.suppress(Refused), self._transaction() as work:
            system_job_rows.record(work, job)

    # lanes; all of it under ``_changed``

    def _line_up(self, job: SystemJob) -> None:
        """Into the lane of its step, where it goes when those before it have gone, or aside to be overtaken."""
        lane = job.step
        late = self.faults.turn("delay", job)
        if late is not None:
            job.due += late.wait
            self.faults.strikes(late)
        behind = self.faults.turn("overtake", job)
        if behind is not None:
            job.due += behind.wait
            self._overtaken.setdefault(job.step, []).append((job, behind))
            lane = uuid4()
        self._lanes.setdefault(lane, deque()).append(job)

    def _let_go(self, job: SystemJob) -> None:
        """A job was posted: those of its step that wait to be overtaken have been, unless it waited for that itself."""
        aside = self._overtaken.pop(job.step, [])
        left = [(waiting, fault) for waiting, fault in aside if waiting is not job]
        if len(left) < len(aside) or job.again is not None:
            self._overtaken[job.step] = left
            return
        for waiting, fault in left:
            waiting.due = self._clock.now()
            self.faults.strikes(fault)

    def _post_again(self, job: SystemJob, begun: datetime) -> None:
        """The same operation once more, in a lane of its own; only the first post stands in ``asyncoperation``."""
        if job.again is not None:
            self.faults.strikes(job.again)
            return
        fault = self.faults.turn("repost", job)
        if fault is not None:
            copy = replace(job, state=READY, due=begun + fault.wait, has_row=False, again=fault)
            self._lanes[uuid4()] = deque([copy])

    def _leave(self, lane: UUID, job: SystemJob) -> None:
        jobs = self._lanes.get(lane)
        if jobs and jobs[0] is job:  # not so when it was forgotten meanwhile
            jobs.popleft()
            if not jobs:
                del self._lanes[lane]

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
