"""The settings of invoicing."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class InvoicesSettings(BaseModel):
    """How invoices are created."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    concurrency: int = Field(
        default=4,
        ge=1,
        le=16,
        description="how many contracts a run of the command line invoices at the same time, 1 to 16",
    )
