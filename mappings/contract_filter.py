"""Which contracts are meant, where they are not named: whatever meets every part that is given."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mappings.selection import Ids


class ContractFilter(BaseModel):
    """Project contracts that meet every part; within a part, any one of what is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    customers: Ids = ()
    owners: Ids = ()
    currencies: Annotated[tuple[str, ...], Field(max_length=50)] = Field(default=(), description="ISO codes")

    @property
    def is_empty(self) -> bool:
        """Nothing is asked, so that every contract meets it."""
        return self == ContractFilter()
