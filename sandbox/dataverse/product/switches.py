"""What differs between environments, or goes wrong in them, and can be switched in this one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from uuid import UUID

from sandbox.dataverse.product.business_dates import Zone


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


class Released(Enum):
    """Which billing status an actual has after its draft, or its detail on one, was deleted. No source says."""

    READY = "ready"
    """Ready to Invoice again, as product lines and milestones are."""
    EMPTY = "empty"
    """None at all: it has to be marked anew."""


class Replacements(Enum):
    """What says where actuals come from that a correction journal or a contract confirmation made anew.

    No source says. The journal line that stands behind each of them always comes from the entry.
    """

    ENTRY = "entry and journal line"
    """Two origins each, as after an approval."""
    JOURNAL_LINE = "journal line"
    """One origin: the entry is found through the journal line only."""
    CONNECTION = "connection"
    """No origin; a connection "Replacing" - "Original" with what each replaces."""


@dataclass(slots=True)
class Switches:
    """The state of the switches; they may be moved at any time.

    ``invoice_race``: in life two calls of the create-invoice action can both read what is ready before either takes its
    locks, and bill it twice (a double click did, PSA/whats-new-ur-20). Writers take turns here, so a call is instead
    shown as ready what another one took within this time. ``schedule_race``: the same of the action that carries out
    schedule rows, to which a row that ran within this time is one that has not; it would also hit a later run of the
    same contract, so that both have a switch of their own.

    ``failing``: rows whose next acts fail, with the sentence they fail with, until they are taken out: approvals (being
    decided on, and having their actuals made later), contracts (being invoiced), invoices (being confirmed), journals
    (being posted).
    """

    environment: Environment = Environment.PSA_3
    actuals: Creation = Creation.NEVER
    actuals_after: timedelta = timedelta(minutes=1)
    invoice_race: timedelta = timedelta()
    schedule_race: timedelta = timedelta()
    failing: dict[UUID, str] = field(default_factory=dict)
    replacements: Replacements = Replacements.ENTRY
    replacements_connected: bool = False
    """Replacements also have a connection "Replacing" - "Original", as those of a corrective invoice have."""
    reversals_traced: bool = True
    """What takes an actual back when an approval is cancelled has the origins of the original. Undocumented."""
    reversals_connected: bool = True
    """It is connected with the original; a defect left the pair unconnected (PSA/whats-new-ur-20)."""
    released: Released = Released.READY
    actuals_kept: bool = True
    """Nobody but the product deletes actuals (PSA/FAQ-deleting-actuals; the reference of 2017 lists the message)."""
    targets_linger: bool = False
    """An entry's target status stays filled after the entry got there, or was taken back. Undocumented."""
    approvers_checked: bool = True
    """Only approvers of the project, or for other entries the submitter's manager, decide (approvals-security)."""
    own_columns_carried: bool = True
    """Custom columns go from entry to journal line, actual and invoice line detail, where the tables have one of the
    same name: the mappings that an administrator would set up (PSA/actuals)."""
    first_priority_is_lowest: bool = True
    """The pricing dimension with the smallest priority number is matched first. Undocumented."""
    zone: Zone = Zone.NEW_YORK
    """In which time zone the product tells the day of a user-local date: for price lists, invoices and schedules."""
    ready_gate: bool = True
    """Only what is Ready to Invoice is invoiced; before PSA 3.3 every open unbilled sale and product line was."""
    today_is_past: bool = True
    """What is dated on the day an invoice is made is taken; else only what is dated before it. The documentation says
    "past dated"."""
    marks_all_or_none: bool = True
    """``msdyn_MarkActualReadyToInvoiceOrNot`` refuses all when one can't be marked; else it marks the others."""
    totals_follow_edits: bool = False
    """Lines and header of a draft follow every edit of its details at once; else ``msdyn_InvoiceRecalculate`` and
    confirmation work them out. Undocumented."""
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
    runs_written_back: bool = True
    """A schedule row that was invoiced becomes Run Successful with its invoice; else the action leaves it as it was.
    Undocumented for the action; the batch job does it (pro/sales/invoice-schedules-contract-line-sales)."""
