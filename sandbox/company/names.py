"""Ids made from names, so that every sandbox with the demo company holds the same rows under the same ids."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

_FABRIKAM: Final = UUID("6f3a52c1-09d7-5a4e-8f55-7c1f0a3b9d24")


def company_id(table: str, name: str) -> UUID:
    """The id of the company's row with this name."""
    return uuid5(_FABRIKAM, f"{table}/{name}")
