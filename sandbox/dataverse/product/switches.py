"""What differs between environments, or goes wrong in them, and can be switched in this one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from uuid import UUID


class Environment(Enum):
    """Which product is installed."""

    PSA_3 = "psa-3"
    PROJECT_OPERATIONS = "project-operations"
    """Since update release 55: actuals are made and marked by the product's own acts only (create-update-actuals)."""


class Creation(Enum):
    """Whether approval makes the product create actuals."""

    NEVER = "never"
    """Approval tables of one's own, or creation switched off: somebody else makes the actuals."""
    AT_ONCE = "at once"
    """In the transaction of the approval."""
    LATER = "later"
    """By a background job, ``Switches.actuals_after`` later."""


@dataclass(slots=True)
class Switches:
    """The state of the switches; they may be moved at any time.

    ``invoice_race``: in life two calls of the create-invoice action can both read what is ready before either takes its
    locks, and bill it twice (a double click did, PSA/whats-new-ur-20). Writers take turns here, so a call is instead
    shown as ready what another one took within this time.

    ``failing``: rows whose next acts fail, with the sentence they fail with, until they are taken out: approvals (being
    decided on), contracts (being invoiced), invoices (being confirmed), journals (being posted).
    """

    environment: Environment = Environment.PSA_3
    actuals: Creation = Creation.NEVER
    actuals_after: timedelta = timedelta(minutes=1)
    invoice_race: timedelta = timedelta()
    failing: dict[UUID, str] = field(default_factory=dict)
    approval_sets_after: timedelta = timedelta()
    """How long an approval set waits for its background job; none: it is processed inside the call."""
    approval_set_retry: timedelta = timedelta(minutes=5)
    """How long a failed set waits for its next attempt (the recurring flow's five minutes, approvals/approval-sets)."""
    approval_set_attempts: int = 3
    """How often a set is tried before it stays Failed. Undocumented."""
    entries_locked: bool = True
    """Submitted and approved entries can't be changed through the Web API (PSA/time-entry-extensibility-v3)."""
    inter_organizational_without_sales: bool = False
    """Work for another unit makes resourcing unit cost and inter-organizational sales on fixed price and internal
    projects too; two pages of the documentation disagree, the default is the table of PSA/actuals."""
    draft_blocks_cancel: bool = True
    """An entry on a draft invoice can't have its approval cancelled; the documentation only says "invoiced"."""
    empty_run_succeeds: bool = True
    """A schedule row with nothing to invoice becomes Run Successful, without an invoice; else stays Not Run.
    Undocumented."""
