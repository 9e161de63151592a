"""What is announced of invoices to whoever listens: CloudEvents 1.0 in their JSON form, one for each contract.

An event's id follows from what it tells of, so that one that is sent twice is one: a queue or topic with duplicate
detection keeps it once, and a reader without may do the same by ``id``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field

from mappings import tables
from mappings.invoice_run import Outcome
from mappings.messages import AnyCommand, CreateDueInvoices, CreateInvoices
from mappings.replies import Why

_EVENTS = UUID("0b0f7a52-6c1e-4d0e-8a39-6f4a1d2c9e33")

Type = Literal[
    "psa-connector.invoice.created",
    "psa-connector.invoice.differs",
    "psa-connector.invoice.nothing-to-invoice",
    "psa-connector.invoice.failed",
    "psa-connector.invoice.in-doubt",
]
_TYPES: Mapping[str, Type] = {
    Outcome.CREATED: "psa-connector.invoice.created",
    Outcome.DIFFERS: "psa-connector.invoice.differs",
    Outcome.GONE: "psa-connector.invoice.differs",
    Outcome.NOTHING: "psa-connector.invoice.nothing-to-invoice",
    Outcome.REFUSED: "psa-connector.invoice.failed",
    Outcome.FAILED: "psa-connector.invoice.failed",
    Outcome.IN_DOUBT: "psa-connector.invoice.in-doubt",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Told(_Part):
    """What came of one contract: the outcome as it is recorded, or why there is none."""

    version: Literal[1] = 1
    contract: UUID
    command: UUID = Field(description="the command; of invoices that were due, that which found them due")
    kind: str = Field(description="what was commanded")
    requested_by: str
    correlation: str | None = Field(default=None, description="as the command gave it")
    outcome: dict[str, Any] | None = Field(default=None, description="as it stands in the record of the attempt")
    failed: Why | None = None


class Announcement(_Part):
    """The whole message."""

    specversion: Literal["1.0"] = "1.0"
    id: UUID = Field(description="the same however often it is sent")
    source: Literal["psa-connector"] = "psa-connector"
    type: Type
    subject: str = Field(description="the contract, as salesorder(id)")
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    data: Told


def of_outcome(command: AnyCommand, outcome: Mapping[str, Any], now: datetime) -> Iterator[Announcement]:
    """What is to be announced of a command that was carried out; a dry run is announced to nobody."""
    match command:
        case CreateInvoices(contract=contract):
            yield from _one(command, contract, str(command.command), dict(outcome), None, now)
        case CreateDueInvoices() if not outcome.get("dry_run"):
            for run in outcome.get("runs", ()):
                # The id an attempt is made under: the same for everybody, and another one for the next invoice.
                yield from _one(command, UUID(run["contract"]), run["command"], dict(run), None, now)


def of_failure(
    command: AnyCommand, word: Outcome, why: Why, now: datetime, outcome: Mapping[str, Any]
) -> Iterator[Announcement]:
    """What is to be announced of a command that was put aside; ``outcome`` is what came of one about many contracts."""
    if isinstance(command, CreateInvoices):
        yield from _one(command, command.contract, str(command.command), None, why, now, word)
    else:
        yield from of_outcome(command, outcome, now)


def _one(
    command: AnyCommand,
    contract: UUID,
    what: str,
    outcome: dict[str, Any] | None,
    why: Why | None,
    now: datetime,
    word: Outcome | None = None,
) -> Iterator[Announcement]:
    word = word or (outcome or {}).get("outcome", "")
    if word not in _TYPES:
        # Somebody else is at it, or was: it is theirs to announce.
        return
    type = _TYPES[word]
    told = Told(
        contract=contract,
        command=command.command,
        kind=command.kind,
        requested_by=command.requested_by,
        correlation=command.correlation,
        outcome=outcome,
        failed=why,
    )
    yield Announcement(
        id=uuid5(_EVENTS, f"{contract}/{what}/{type}"),
        type=type,
        subject=f"{tables.CONTRACT}({contract})",
        time=now,
        data=told,
    )
