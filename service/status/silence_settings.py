"""The settings of what the service looks for by itself, so that silence is told."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SilenceSettings(BaseModel):
    """How often `run` looks for what no message tells, and from when on an approval is overdue."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    every: int = Field(
        default=5,
        ge=0,
        le=1440,
        description="minutes between two looks of `run` at what no message tells, 0 to 1440; 0 never looks",
    )
    after: int = Field(
        default=15,
        ge=1,
        le=10080,
        description="minutes that an approved entry may be without actuals before it is told of, 1 to 10080",
    )
