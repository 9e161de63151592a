"""What differs from one product version to the next, and the columns an administrator adds.

A profile holds names and ways, never rules: the rules read it. Which profile applies is found out by asking the
environment, and names of which a version has several were settled there; both happen outside of this package.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from mappings.choices import TransactionClass, TransactionType
from mappings.not_to_exceed import NotToExceed
from mappings.row import Row
from mappings.tables import Cell, Ref

PSA_3 = "psa-3"
PROJECT_OPERATIONS = "project-operations"

WRITTEN_TYPES = {
    "cost": TransactionType.COST,
    "sales": TransactionType.UNBILLED_SALES,
    "resourcing-unit-cost": TransactionType.RESOURCING_UNIT_COST,
    "inter-organizational-sales": TransactionType.INTER_ORGANIZATIONAL_SALES,
}
"""The actuals an own column may be written on, by the words an administrator's file uses."""

ENTRIES = {"time": TransactionClass.TIME, "expense": TransactionClass.EXPENSE}
"""The entries an own column may come from, by the words an administrator's file uses."""

Constant = str | int | bool | Decimal | datetime | date | Ref


class Source(StrEnum):
    """Where the value of an own column comes from."""

    ENTRY = "entry"
    APPROVAL = "approval"
    CONSTANT = "constant"


class Creator(StrEnum):
    """Who creates actuals in an environment."""

    SERVICE = "service"
    PRODUCT = "product"


class SeveralCostLists(StrEnum):
    """What more than one cost price list for one unit, currency and day means."""

    REFUSE = "refuse"
    MOST_RECENT = "most-recent"


class ReadyMarking(StrEnum):
    """How unbilled sales are marked ready to invoice: by writing the billing status, or by the product's own action."""

    BILLING_STATUS = "billing-status"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class OwnColumn:
    """A column of the administrator's on actuals: carried from the entry or its approval, or one constant.

    ``column`` is the one it is read from, ``constant`` the value where the source is a constant. It is written on the
    actuals of ``on``, for entries of ``entries``.
    """

    actual: str
    source: Source
    column: str | None = None
    constant: Constant | None = None
    on: frozenset[TransactionType] = frozenset(WRITTEN_TYPES.values())
    entries: frozenset[TransactionClass] = frozenset(ENTRIES.values())


@dataclass(frozen=True, slots=True)
class Tie:
    """A table whose rows tie a thing to another: the two columns that do so, lookups or plain ids.

    ``billing_type`` is the column that says whether the one may be charged on the other, where there is any.
    """

    table: str
    left: str
    right: str
    billing_type: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns the environment has to have."""
        return (self.left, self.right, *((self.billing_type,) if self.billing_type else ()))


@dataclass(frozen=True, slots=True)
class Profile:
    """One product version as this environment has it, and the administrator's own columns.

    ``line_tasks`` ties contract lines (left) to the tasks they are limited to, ``unit_cost_lists`` organizational units
    (left) to their cost price lists; ``None`` where the environment has no such table. ``days`` names, by table, the
    column that holds a day for everybody alike, whatever their time zone; a table without one has an instant instead,
    to be read in a stated zone. ``not_to_exceed`` is where the product keeps what came of that check, if anywhere.
    """

    name: str = PSA_3
    columns: tuple[OwnColumn, ...] = ()
    creators: frozenset[Creator] = frozenset(Creator)
    line_tasks: Tie | None = None
    unit_cost_lists: Tie | None = None
    several_cost_lists: SeveralCostLists = SeveralCostLists.REFUSE
    days: tuple[tuple[str, str], ...] = ()
    ready_marking: ReadyMarking = ReadyMarking.BILLING_STATUS
    not_to_exceed: NotToExceed | None = None

    def day_of(self, table: str) -> str | None:
        """The table's column that holds a day for everybody alike, if it has one."""
        return dict(self.days).get(table)

    def read_from_entries(self, kind: TransactionClass) -> tuple[str, ...]:
        """The columns an entry of this class has to be read with, beside those every version has."""
        return _named(own.column for own in self.columns if own.source is Source.ENTRY and kind in own.entries)

    def read_from_approvals(self) -> tuple[str, ...]:
        """The columns an approval has to be read with, beside those every version has."""
        return _named(own.column for own in self.columns if own.source is Source.APPROVAL)

    def own_columns(self) -> tuple[str, ...]:
        """The administrator's columns on actuals: read with every actual, so that a reversal carries them on."""
        return _named(own.actual for own in self.columns)

    def own_values(
        self, type: TransactionType, kind: TransactionClass, entry: Row, approval: Row | None
    ) -> dict[str, Cell]:
        """What the administrator's columns hold on an actual of ``type`` for this entry; empty values are left out."""
        values: dict[str, Cell] = {}
        for own in self.columns:
            if type not in own.on or kind not in own.entries:
                continue
            value: Cell = own.constant
            if own.source is not Source.CONSTANT:
                row = entry if own.source is Source.ENTRY else approval
                value = row.cells.get(own.column) if row is not None and own.column else None
            if value is not None:
                values[own.actual] = value
        return values


def _named(columns: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for column in columns if column))
