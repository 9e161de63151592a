"""System jobs as rows of ``asyncoperation``, where administrators look for events that were not posted."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from sandbox.dataverse.event_posts import CANCELED, FAILED, IN_PROGRESS, READY, SUCCEEDED, WAITING, SystemJob
from sandbox.dataverse.event_steps import Step
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Cell, Link, Written

TABLE: Final = "asyncoperation"
_SYSTEM_EVENT: Final = 1
_LONGEST_NAME, _LONGEST_MESSAGE = 256, 100_000


def add(work: Transaction, job: SystemJob, write: Written, step: Step) -> None:
    """Write a new job down; its id is the operation its message speaks of."""
    values: dict[str, Cell] = {
        "name": step.name[:_LONGEST_NAME],
        "operationtype": _SYSTEM_EVENT,
        "messagename": write.message,
        "owningextensionid": Link("sdkmessageprocessingstep", step.id),
        "ownerid": Link("systemuser", write.user),
        "correlationid": write.correlation_id,
        "requestid": write.request_id,
        "depth": 1,
    }
    tables = work.catalog.table(TABLE).column("regardingobjectid").to
    if write.table in tables and work.store.exists(work.catalog.table(write.table), write.id):
        values["regardingobjectid"] = Link(write.table, write.id)
    work.create(TABLE, values | _standing(work, job), job.id)


def called_off(work: Transaction, job: SystemJob) -> bool:
    """Whether somebody has canceled a job, or deleted it, or the step or row it belonged to."""
    row = work.get(TABLE, job.id)
    return row is None or (row.get("statecode"), row.get("statuscode")) == CANCELED


def record(work: Transaction, job: SystemJob) -> None:
    """Write down where a job stands; one that succeeded leaves no row where its step says so (``asyncautodelete``)."""
    if called_off(work, job):
        return
    if job.state == SUCCEEDED and job.leaves_no_row:
        work.delete(TABLE, job.id)
    else:
        work.update(TABLE, job.id, _standing(work, job))


def give_up(work: Transaction) -> None:
    """Fail the jobs that were not posted when the sandbox was stopped: their messages are gone."""
    for state in (READY, WAITING, IN_PROGRESS):
        for row in work.find(TABLE, statecode=state[0], operationtype=_SYSTEM_EVENT):
            step, id = row.get("owningextensionid"), row["asyncoperationid"]
            if isinstance(step, Link) and step.table == "sdkmessageprocessingstep" and isinstance(id, UUID):
                reason = "The sandbox was stopped before this job was posted."
                failed: dict[str, Cell] = {"statecode": FAILED[0], "statuscode": FAILED[1], "message": reason}
                work.update(TABLE, id, failed | {"completedon": work.now})


def purge(work: Transaction, job: SystemJob) -> None:
    """Delete a job's row, wherever it stands."""
    if work.store.exists(work.catalog.table(TABLE), job.id):
        work.delete(TABLE, job.id)


def _standing(work: Transaction, job: SystemJob) -> dict[str, Cell]:
    state, status = job.state
    values: dict[str, Cell] = {
        "statecode": state,
        "statuscode": status,
        "message": None if job.message is None else job.message[:_LONGEST_MESSAGE],
        "retrycount": job.attempts,
        "postponeuntil": job.due if job.state == WAITING else None,
    }
    if job.state == IN_PROGRESS:
        values["startedon"] = work.now
    if job.state in (SUCCEEDED, FAILED):
        values["completedon"] = work.now
    return values
