"""Marking a row ready to invoice, and taking the mark off again: what it needs, and what it writes.

Not ready is no status of its own: actuals and product lines go back to having none (PSA/whats-new-ur-25), milestones
to *not ready*.
"""

from __future__ import annotations

from enum import StrEnum

from mappings.backlog import Backlog, BacklogRow
from mappings.backlog_judgement import why_not_unmark
from mappings.choices import MilestoneStatus
from mappings.selection import Status


class Mark(StrEnum):
    """What is to be done with the mark, by the words of messages."""

    READY = "mark-ready"
    NOT_READY = "mark-not-ready"

    @property
    def done(self) -> str:
        """What a row is afterwards."""
        return "marked" if self is Mark.READY else "unmarked"

    @property
    def words(self) -> str:
        """What is done to rows, in a sentence."""
        return "marked ready" if self is Mark.READY else "marked not ready"

    @property
    def takes(self) -> Status:
        """Where rows stand that a filter means when it names no status."""
        return Status.OPEN if self is Mark.READY else Status.READY

    def writes(self, backlog: Backlog) -> int | None:
        """What the status column is to hold."""
        if self is Mark.READY:
            return backlog.ready
        return MilestoneStatus.NOT_READY if backlog is Backlog.MILESTONES else None

    def stands(self, row: BacklogRow) -> bool:
        """It is so already, and nothing is to be written."""
        return row.is_ready if self is Mark.READY else row.is_open and not row.is_adjusted

    def why_not(self, row: BacklogRow) -> str | None:
        """Why it can't be done with this row, as a sentence; ``None`` when it can, or is so already."""
        if self.stands(row):
            return None
        return row.why_not() if self is Mark.READY else why_not_unmark(row)
