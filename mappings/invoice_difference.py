"""One thing on an invoice that is not as expected, with both sides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mappings.tables import Ref


class Kind(StrEnum):
    """What sort of difference it is."""

    MISSING = "missing"
    DIFFERS = "differs"
    TWICE = "twice"
    NOT_MOVED = "not-moved"
    UNACCOUNTED = "unaccounted"
    NOT_DUE = "not-due"
    GREW = "grew"
    LEFT = "left"
    TAKEN = "taken-elsewhere"


TOLD = frozenset({Kind.GREW, Kind.LEFT, Kind.TAKEN})
"""What is told and no mistake: others worked on the contract at the same time."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected: ``what`` names it; ``expected`` and ``found`` are the two sides."""

    kind: Kind
    what: str
    why: str
    expected: str = ""
    found: str = ""
    row: Ref | None = None

    @property
    def is_mistake(self) -> bool:
        """Somebody has to look at it."""
        return self.kind not in TOLD

    @property
    def sentence(self) -> str:
        """All of it as one text."""
        sides = f" Expected {self.expected}, found {self.found}." if self.expected or self.found else ""
        return f"{self.what}: {self.why}{sides}"

    def as_data(self) -> dict[str, object]:
        """It as records and programs read it."""
        return {
            "kind": self.kind.value,
            "what": self.what,
            "why": self.why,
            "expected": self.expected or None,
            "found": self.found or None,
            "table": None if self.row is None else self.row.table,
            "id": None if self.row is None else str(self.row.id),
        }
