"""The settings of the write ceiling."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import NoDecode

from service.settings_values import amounts


class WriteCeilingSettings(BaseModel):
    """How much the service writes by itself within 24 hours before it pauses."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    rows: int = Field(
        default=20000,
        ge=0,
        description="the most actuals the service creates within 24 hours, corrections included, before it pauses; "
        "0: as many as there are",
    )
    amount: Annotated[Decimal | dict[str, Decimal], NoDecode] = Field(
        default=Decimal(10000000),
        description="the largest sum of their amounts within 24 hours before it pauses: one number for every currency, "
        'or one each, for example {"USD": 500000, "JPY": 50000000}; 0, or a currency left out: any sum',
    )

    @field_validator("amount", mode="before")
    @classmethod
    def _one_or_one_each(cls, value: object) -> object:
        return amounts(value)

    @property
    def is_any(self) -> bool:
        """There is a ceiling at all."""
        return bool(self.rows or self.amount)

    def amount_in(self, currency: str) -> Decimal | None:
        """The ceiling of a currency, by its ISO code; ``None``: it has none."""
        return (self.amount if isinstance(self.amount, Decimal) else self.amount.get(currency.upper())) or None
