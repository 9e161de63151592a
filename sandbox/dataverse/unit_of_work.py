"""What the product's server-side rules may do: read and write rows inside the one transaction of a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from sandbox.dataverse.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Link:
    """A lookup's value: the table's logical name and the row's id."""

    table: str
    id: UUID


Cell = str | int | bool | Decimal | UUID | datetime | date | Link | None
Row = dict[str, Cell]
"""A row by logical column name. Lookups are ``Link``, money and decimals ``Decimal``, instants aware UTC."""


class UnitOfWork(Protocol):
    """One transaction. Everything written here is committed together, or not at all when anything is raised."""

    now: datetime
    user: UUID
    """The calling user's systemuserid."""
    as_product: bool
    """Whether the product itself is writing, or whoever set up its data: its guards (``before_write``) stand back."""

    @property
    def catalog(self) -> Catalog:
        """The tables there are."""
        ...

    def get(self, table: str, id: UUID) -> Row | None:
        """The row with all its columns, or ``None``."""
        ...

    def find(self, table: str, **equals: Cell) -> list[Row]:
        """Rows whose named columns hold these values (``None``: empty), in order of creation."""
        ...

    def create(self, table: str, values: Mapping[str, Cell], id: UUID | None = None) -> UUID:
        """Create a row as the platform would: defaults, stamps, ``_base`` money. Returns its id."""
        ...

    def update(self, table: str, id: UUID, values: Mapping[str, Cell]) -> None:
        """Change columns; stamps and version move on; registered steps will hear of it after commit."""
        ...

    def delete(self, table: str, id: UUID) -> None:
        """Delete a row."""
        ...

    def lock(self, table: str, id: UUID) -> None:
        """Keep other writers off a row until the end, where row locks are on; what is read after it stays true."""
        ...


class Refused(Exception):
    """A product rule refuses the request: status 400 unless said, Dataverse's code, and its sentence."""

    def __init__(self, message: str, code: str = "0x80040265", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


Action = Callable[[UnitOfWork, UUID | None, Mapping[str, object]], Link | None]
"""An action: transaction, id it is bound to (``None``: unbound), JSON parameters → the row it returns, if any."""


@dataclass(frozen=True, slots=True)
class ActionBinding:
    """Where an action hangs: its name, the table it is bound to (``None``: unbound), and what carries it out."""

    name: str
    bound_to: str | None
    run: Action


@dataclass(frozen=True, slots=True)
class Written:
    """One committed write, as the event side needs it."""

    message: str
    """Create, Update or Delete."""
    table: str
    id: UUID
    changed: frozenset[str]
    """Columns that were named in the request (Update) or hold a value (Create)."""
    before: Row | None
    after: Row | None
    user: UUID
    at: datetime
    request_id: UUID
    correlation_id: UUID
    shared_variables: Mapping[str, str] = field(default_factory=dict)
