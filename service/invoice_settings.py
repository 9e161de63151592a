"""The settings of invoicing."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class InvoicesSettings(BaseModel):
    """How invoices are created."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    mode: Literal["probe", "fence", "recorded"] = Field(
        default="probe",
        description="how an invoice is kept from being made twice: in one change set with its record (`fence`), or "
        "recorded before the one call (`recorded`); `probe` finds out whether the environment takes the former",
    )
    patience: int = Field(
        default=30,
        ge=1,
        le=1440,
        description="minutes that an invoice may take to be seen after it was called for, before it is in doubt, "
        "1 to 1440",
    )
    owner: Literal["contract", "service", "product"] = Field(
        default="contract",
        description="who owns invoices created here: the contract's owner, this service, or whoever the product gives "
        "them to",
    )
    concurrency: int = Field(
        default=4,
        ge=1,
        le=16,
        description="how many contracts a run of the command line, or what is due, invoices at the same time, 1 to 16",
    )
