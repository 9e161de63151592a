"""The tables the mission touches, by logical name, and how one row names another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

TIME_ENTRY = "msdyn_timeentry"
EXPENSE = "msdyn_expense"
MATERIAL = "msdyn_materialusage"
APPROVAL = "msdyn_projectapproval"
PROJECT = "msdyn_project"
CONTRACT = "salesorder"
CONTRACT_LINE = "salesorderdetail"
MILESTONE = "msdyn_contractlinescheduleofvalue"
SCHEDULE = "msdyn_contractlineinvoiceschedule"
ACTUAL = "msdyn_actual"
JOURNAL_LINE = "msdyn_journalline"
ORIGIN = "msdyn_transactionorigin"
CONNECTION = "msdyn_transactionconnection"
ORGANIZATIONAL_UNIT = "msdyn_organizationalunit"
CURRENCY = "transactioncurrency"
RESOURCE = "bookableresource"
USER = "systemuser"
INVOICE = "invoice"
INVOICE_LINE = "invoicedetail"
INVOICE_LINE_DETAIL = "msdyn_invoicelinetransaction"
COMMAND = "psac_command"
BATCH_JOB = "msdyn_batchjob"
MESSAGE = "sdkmessage"


@dataclass(frozen=True, slots=True)
class Ref:
    """A row named by its table and its id."""

    table: str
    id: UUID

    def __str__(self) -> str:
        return f"{self.table}({self.id})"


Cell = str | int | bool | Decimal | UUID | datetime | date | Ref | None
"""What a column of a planned row may hold."""


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to be created under an id chosen beforehand."""

    row: Ref
    values: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """Columns to be changed on a row, provided nobody changed it since it was read as ``version``."""

    row: Ref
    version: str
    values: dict[str, Cell]
