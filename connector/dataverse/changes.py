"""Intentions: what is to be written to Dataverse, as plain values that can be printed, compared and tested.

Column names are logical names; a lookup's value is a ``Reference``. How a lookup is bound on the wire is looked up
in the environment's own metadata when the change is sent (``metadata.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Reference:
    """A row named by its table's logical name and its id."""

    table: str
    id: UUID

    def __str__(self) -> str:
        return f"{self.table}({self.id})"


Value = str | int | bool | Decimal | UUID | datetime | date | Reference | None
"""What a column may hold. Money and decimals are ``Decimal``; a float is refused when the change is sent."""


@dataclass(frozen=True, slots=True)
class Create:
    """Create this row under this id, and only if no row has that id yet (``If-None-Match: *``)."""

    row: Reference
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Update:
    """Change these columns, and only if the row still carries this ETag (``If-Match``)."""

    row: Reference
    values: Mapping[str, Value]
    etag: str


@dataclass(frozen=True, slots=True)
class Call:
    """Call an action bound to a row, for example ``Call("msdyn_DoThis", Reference(...))``.

    ``is_bound``: ``False`` for an action that is bound to nothing; the row is then only what the call is about.
    """

    action: str
    bound_to: Reference
    parameters: Mapping[str, Value | tuple[Reference, ...]] = field(default_factory=dict)
    is_bound: bool = True


Change = Create | Update | Call


def subject_of(change: Change) -> Reference:
    """The row a change is about."""
    return change.bound_to if isinstance(change, Call) else change.row


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes that happen together or not at all; ``partition`` keeps two of one kind from being in flight at once.

    ``caller``: the Microsoft Entra object id of the person they are made for, with that person's rights and in their
    name; ``None``: for this service itself.
    """

    changes: tuple[Change, ...]
    partition: str = ""
    caller: UUID | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One row as read: id, ETag, and the selected columns by logical name.

    Absent and empty columns read as ``None``. Lookups are ``Reference``, money and decimals ``Decimal``, choices
    ``int``, instants aware UTC ``datetime``, ids ``UUID``; a date-only column of a time-zone-independent or
    date-only kind is a ``date``.
    """

    row: Reference
    etag: str
    values: Mapping[str, Value]

    def __getitem__(self, column: str) -> Value:
        return self.values.get(column)


@dataclass(frozen=True, slots=True)
class Committed:
    """A change set that was carried out; ``answers`` holds, per change, the row that came back, or ``None``."""

    answers: tuple[Record | None, ...]
