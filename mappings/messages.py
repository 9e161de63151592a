"""What arrives: hints that an entry changed, and commands that are obeyed once.

Events are past tense and may be lost, doubled or late; commands are imperative and carry who asked and an id that makes
a second delivery harmless.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mappings.backlog import Backlog
from mappings.contract_filter import ContractFilter
from mappings.given import Day, Flag
from mappings.selection import Filter, Selection

MOST_CORRELATION = 200
"""Characters of what a command's answer is to be known by."""


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


class LookAtRun(_Message):
    """Look whether a run over many contracts has come to its end; sent by whoever sent the run's commands."""

    kind: Literal["look-at-run"] = "look-at-run"
    run: UUID

    def __str__(self) -> str:
        return f"{self.kind} {self.run}"


class _Command(_Message):
    """What every command says: who asks, under which id, and what the answer is to be known by."""

    version: Literal[1] = Field(default=1, description="the version of this contract")
    command: UUID = Field(description="a new GUID for every command; the same command is obeyed once")
    requested_by: str = Field(min_length=1, max_length=200, description="who asks")
    correlation: str | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_CORRELATION,
        description="carried onto the reply, for whoever waits for it",
    )


class _Marking(_Command):
    dry_run: Flag = Field(default=False, description="only say what would be done; nothing is written or recorded")
    confirmed: Flag = Field(default=False, description="a person has seen how much it is: carry on above the ceilings")
    backlog: Backlog
    rows: Annotated[tuple[UUID, ...], Field(max_length=5000)] = Field(default=(), description="ids of these rows")
    contracts: Annotated[tuple[UUID, ...], Field(max_length=500)] = Field(
        default=(), description="instead: ids of the contracts whose rows are meant"
    )
    where: Filter | None = Field(default=None, description="instead: what a row has to meet")

    @property
    def selection(self) -> Selection:
        """Which rows are meant."""
        if self.rows:
            return Selection(rows=self.rows)
        return Selection(where=self.where or Filter(contracts=self.contracts))

    @model_validator(mode="after")
    def _one_selection(self) -> Self:
        if sum((bool(self.rows), bool(self.contracts), self.where is not None)) != 1:
            raise ValueError("Name either rows, or contracts, or where: exactly one of the three.")
        if self.where is not None and self.where.is_empty:
            raise ValueError("where is empty, which would mean every row there is; name at least one thing in it.")
        if self.where is not None and (fault := self.where.fault(self.backlog)) is not None:
            raise ValueError(fault)
        return self


class MarkReady(_Marking):
    """Mark rows of one backlog ready to invoice: these rows, or whatever is open and meets the rest right now."""

    kind: Literal["mark-ready"] = "mark-ready"

    def __str__(self) -> str:
        return f"{self.kind} {self.backlog} {self.command}"


class MarkNotReady(_Marking):
    """Take the mark off rows of one backlog: these rows, or whatever is ready and meets the rest right now."""

    kind: Literal["mark-not-ready"] = "mark-not-ready"

    def __str__(self) -> str:
        return f"{self.kind} {self.backlog} {self.command}"


class CreateInvoices(_Command):
    """Create one contract's invoice from everything on it that is ready and not dated in the future."""

    kind: Literal["create-invoices"] = "create-invoices"
    confirmed: Flag = Field(default=False, description="a person has seen how much it is: carry on above the ceilings")
    contract: UUID = Field(description="the id of the one contract to be invoiced")

    def __str__(self) -> str:
        return f"{self.kind} salesorder({self.contract}) {self.command}"


class CreateManyInvoices(_Command):
    """Create the invoices of many contracts, each by a command of its own; the command's id is that of the run."""

    kind: Literal["create-many-invoices"] = "create-many-invoices"
    dry_run: Flag = Field(default=False, description="only say what would be done; nothing is written or recorded")
    confirmed: Flag = Field(default=False, description="a person has seen how much it is: carry on above the ceilings")
    contracts: Annotated[tuple[UUID, ...], Field(max_length=20_000)] = Field(
        default=(), description="ids of these contracts"
    )
    where: ContractFilter | None = Field(default=None, description="instead: what a contract has to meet")
    everything: Flag = Field(default=False, description="instead: true for every project contract")

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if sum((bool(self.contracts), self.where is not None, self.everything)) != 1:
            raise ValueError("Name either contracts, or where, or everything: exactly one of the three.")
        if self.where is not None and self.where.is_empty:
            raise ValueError("where is empty, which would mean every contract; say everything if that is meant.")
        return self

    def __str__(self) -> str:
        return f"{self.kind} {self.command}"


class CreateDueInvoices(_Command):
    """Create the invoices of every invoice schedule row and milestone that is due by now, or was by a day."""

    kind: Literal["create-due-invoices"] = "create-due-invoices"
    dry_run: Flag = Field(default=False, description="only say what would be done; nothing is written or recorded")
    confirmed: Flag = Field(default=False, description="a person has seen how much it is: carry on above the ceilings")
    due: Day | None = Field(default=None, description="what is due up to this day, it included; left out: today")
    contracts: Annotated[tuple[UUID, ...], Field(max_length=500)] = Field(
        default=(), description="ids of the only contracts to be invoiced; left out: all"
    )

    def __str__(self) -> str:
        return f"{self.kind} {self.due or 'today'} {self.command}"


Marking = MarkReady | MarkNotReady
AnyCommand = MarkReady | MarkNotReady | CreateInvoices | CreateManyInvoices | CreateDueInvoices
Command = Annotated[AnyCommand, Field(discriminator="kind")]
Message = EntryChanged | LookAtRun | AnyCommand
