"""A row as it was read, asked for typed values; a value of the wrong type is a fault of ours, never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from mappings.tables import Cell, Ref

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: who it is, which version was read, and its columns by logical name (absent reads as empty)."""

    ref: Ref
    version: str
    cells: Mapping[str, Cell]

    @property
    def id(self) -> UUID:
        """The row's id."""
        return self.ref.id

    @property
    def written(self) -> int | None:
        """The place of its last write among all writes of the environment, as its version tells; no clock."""
        digits = self.version.removeprefix("W/").strip('"')
        return int(digits) if digits.isdecimal() else None

    def _typed(self, column: str, kind: type[_T]) -> _T | None:
        value = self.cells.get(column)
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(f"{self.ref}: column {column} holds a {type(value).__name__}, not a {kind.__name__}.")
        return value

    def link(self, column: str) -> Ref | None:
        """The row a lookup points to."""
        return self._typed(column, Ref)

    def link_id(self, column: str) -> UUID | None:
        """The id of the row a lookup points to."""
        link = self.link(column)
        return link.id if link else None

    def choice(self, column: str) -> int | None:
        """The number of a choice, or of a whole-number column."""
        return self._typed(column, int)

    def number(self, column: str) -> Decimal | None:
        """Money or a decimal, exact."""
        return self._typed(column, Decimal)

    def text(self, column: str) -> str | None:
        """Text."""
        return self._typed(column, str)

    def uuid(self, column: str) -> UUID | None:
        """An id that is no lookup."""
        return self._typed(column, UUID)

    def instant(self, column: str) -> datetime | None:
        """A moment, aware UTC."""
        return self._typed(column, datetime)

    def day(self, column: str) -> date | None:
        """A day that is the same for everybody, whether the column holds it bare or as an instant without a zone."""
        value = self.cells.get(column)
        return value.date() if isinstance(value, datetime) else self._typed(column, date)

    def flag(self, column: str) -> bool:
        """Yes or no; empty is no."""
        return bool(self._typed(column, bool))
