"""What came of the product's not-to-exceed check, where an environment keeps it in a column of unbilled sales.

Microsoft names the states and neither the column nor its numbers (PO/manage-nte-status-validations-sales); both are the
administrator's to name. Resetting a check and evaluating it again are the product's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mappings.backlog import Backlog, BacklogRow


@dataclass(frozen=True, slots=True)
class NotToExceed:
    """The column of actuals, and the number in it that says that the check failed."""

    column: str
    failed: int

    def told(self, row: BacklogRow) -> BacklogRow:
        """The row with what its check says."""
        failed = row.backlog is Backlog.TIME_AND_MATERIAL and row.row.choice(self.column) == self.failed
        return replace(row, exceeds_limit=True) if failed else row

    def columns(self, backlog: Backlog) -> tuple[str, ...]:
        """What has to be read of a row besides."""
        return (self.column,) if backlog is Backlog.TIME_AND_MATERIAL else ()
