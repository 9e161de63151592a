"""Many-to-many relationships the platform and the product come with: rows of a third table tie two others together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Association:
    """Rows of two tables associated by rows of a third, ``intersect``, which hold the ids of both."""

    name: str
    intersect: str
    ends: tuple[str, str]

    def other(self, table: str) -> str:
        """The table at the other end."""
        first, second = self.ends
        return second if table == first else first


UNIT_PRICE_LISTS: Final = "msdyn_organizationalunit_pricelevel"
"""The cost price lists that hang on an organizational unit."""
KNOWN: Final = (
    Association("systemuserroles_association", "systemuserroles", ("systemuser", "role")),
    Association("teamroles_association", "teamroles", ("team", "role")),
    Association("teammembership_association", "teammembership", ("team", "systemuser")),
    Association(UNIT_PRICE_LISTS, UNIT_PRICE_LISTS, ("msdyn_organizationalunit", "pricelevel")),
)
OF_PRODUCT: Final = {one.intersect: one.ends for one in KNOWN if one.intersect.startswith("msdyn_")}
"""Intersects by name, with their two ends, that have no privileges of their own: those of both ends guard them."""


def with_end(table: str) -> tuple[Association, ...]:
    """The relationships that a table takes part in."""
    return tuple(one for one in KNOWN if table in one.ends)
