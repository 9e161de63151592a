"""The settings of what is invoiced by schedule."""

from __future__ import annotations

from datetime import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError


class DueSettings(BaseModel):
    """When the service itself creates the invoices that are due."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    at: time | None = Field(
        default=None,
        description="the local time at which the service creates every day the invoices that are due, for example "
        "06:00, in the business time zone; left out, it never does by itself",
    )
    above_ceiling: Literal["refuse", "invoice"] = Field(
        default="refuse",
        description="what the service does by itself where more is due than the ceilings allow: `refuse`, and say so, "
        "until a person invoices it; or `invoice` it all the same",
    )

    @field_validator("at", mode="before")
    @classmethod
    def _local_time(cls, value: object) -> time | None:
        """Hours and minutes; a zone of its own, or seconds, would not be what is meant."""
        if value is None or isinstance(value, time):
            return value
        try:
            read = time.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            read = None
        if read is None or read.tzinfo is not None or read.second or read.microsecond:
            raise PydanticCustomError("local_time", "is no time of day such as 06:00")
        return read
