"""The message for one step about one write: its body, cut down where it is too large, and its properties."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from sandbox.dataverse.event_posts import Property, SystemJob
from sandbox.dataverse.event_steps import Step
from sandbox.dataverse.execution_context import Sender, context, without_bulk
from sandbox.dataverse.http.json_text import dump
from sandbox.dataverse.seed import BUSINESS_UNIT, ORGANIZATION
from sandbox.dataverse.transaction import Transaction
from sandbox.dataverse.unit_of_work import Link, Written

CLAIMS: Final = "http://schemas.microsoft.com/xrm/2011/Claims/"
LARGEST_BODY: Final = 192 * 1024
"""Bytes; a larger context is posted without parameters, images and parent."""


def job_for(work: Transaction, write: Written, step: Step, due: datetime) -> SystemJob:
    """The system job that posts this write to the step's endpoint; it has failed already where it cannot be posted."""
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
        id=operation,
        step=step.id,
        table=write.table,
        record=write.id,
        endpoint=step.endpoint,
        body=body,
        correlation=write.correlation_id,
        properties=properties,
        due=due,
        has_row=step.asynchronous,
        leaves_no_row=step.auto_delete,
    )
    if step.endpoint.refusal is not None:
        job.fail(step.endpoint.refusal)
    elif len(body) > LARGEST_BODY:
        job.fail(f"The message is larger than {LARGEST_BODY} bytes even without parameters and images.")
    return job


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
