"""What arrives: hints that an entry changed, and commands that are obeyed once.

Events are past tense and may be lost, doubled or late; commands are imperative and carry who asked and an id that makes
a second delivery harmless.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mappings.backlog import Backlog


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EntryChanged(_Message):
    """A row that decides about an entry's actuals was written: the entry itself, or its approval.

    ``may_roll_back``: the announcement was made inside a transaction that had not been committed yet.
    """

    table: Literal["msdyn_timeentry", "msdyn_expense", "msdyn_projectapproval"]
    id: UUID
    may_roll_back: bool = False


class LookAtEntry(_Message):
    """Look at an entry as if an event had told of it; sent by whoever found that none did."""

    kind: Literal["look-at-entry"] = "look-at-entry"
    table: Literal["msdyn_timeentry", "msdyn_expense"]
    id: UUID


class MarkReady(_Message):
    """Mark rows of one backlog ready to invoice: these rows, or whatever is open on these contracts right now."""

    kind: Literal["mark-ready"] = "mark-ready"
    command: UUID
    requested_by: Annotated[str, Field(min_length=1, max_length=200)]
    backlog: Backlog
    rows: Annotated[tuple[UUID, ...], Field(max_length=5000)] = ()
    contracts: Annotated[tuple[UUID, ...], Field(max_length=500)] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.backlog} {self.command}"

    @model_validator(mode="after")
    def _one_selection(self) -> MarkReady:
        if bool(self.rows) == bool(self.contracts):
            raise ValueError("Name either rows or contracts to mark ready, not both and not neither.")
        return self


class CreateInvoices(_Message):
    """Create one contract's invoice from everything on it that is ready and not dated in the future."""

    kind: Literal["create-invoices"] = "create-invoices"
    command: UUID
    requested_by: Annotated[str, Field(min_length=1, max_length=200)]
    contract: UUID

    def __str__(self) -> str:
        return f"{self.kind} salesorder({self.contract}) {self.command}"


Command = Annotated[MarkReady | CreateInvoices, Field(discriminator="kind")]
Message = EntryChanged | MarkReady | CreateInvoices
