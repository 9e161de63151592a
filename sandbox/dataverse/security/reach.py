"""How far a privilege reaches: whose rows, by the depth a role has it in and by who holds the role, user or team."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from sandbox.dataverse.security.privileges import BUSINESS_UNIT, ORGANIZATION, PARENT_CHILD


@dataclass(frozen=True, slots=True)
class Reach:
    """The rows of ``owners`` at any depth; those of ``unit`` and of the units ``below`` it where it is deep enough.

    A role held by a team reaches from the team's business unit, whatever unit its members belong to.
    """

    depth: int
    owners: frozenset[str] = frozenset()
    unit: str | None = None
    below: frozenset[str] = frozenset()

    @property
    def units(self) -> frozenset[str]:
        """The business units all of whose rows it reaches, its own and those below."""
        own = frozenset({self.unit} if self.unit and self.depth >= BUSINESS_UNIT else ())
        return own | self.below if self.depth >= PARENT_CHILD else own

    def covers(self, owner: Any, unit: Any) -> bool:
        """Whether it reaches the rows of this owner in this business unit."""
        return self.depth >= ORGANIZATION or owner in self.owners or unit in self.units

    def at_most(self, depth: int) -> Reach:
        """The same, no deeper than that."""
        return replace(self, depth=min(self.depth, depth))


EVERYWHERE: Final = Reach(ORGANIZATION)


def deepest(reaches: Iterable[Reach]) -> int:
    """The greatest depth of these; 0 where there are none."""
    return max((reach.depth for reach in reaches), default=0)


def condition(reaches: Iterable[Reach], owner: str, unit: str) -> tuple[str, list[str]]:
    """The SQL condition on these columns that the rows within reach meet, and what fills its question marks."""
    owners: set[str] = set()
    units: set[str] = set()
    for reach in reaches:
        owners |= reach.owners
        units |= reach.units
    parts = [(name, sorted(values)) for name, values in ((owner, owners), (unit, units)) if values]
    sql = " OR ".join(f'"{name}" IN ({", ".join("?" * len(values))})' for name, values in parts)
    return sql or "0", [value for _, values in parts for value in values]
