"""The settings of the health endpoints: where, if at all, the service answers how it is."""

from __future__ import annotations

from ipaddress import ip_address

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError


class HealthSettings(BaseModel):
    """Where `run` answers /live, /ready and /started."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="the port on which `run` answers how it is, at /live, /ready and /started; 0 takes a free one, "
        "which the log names; left out, nothing listens",
    )
    address: str = Field(
        default="127.0.0.1",
        description="the address on which it answers: `127.0.0.1`, this machine only, or `0.0.0.0` in a container, "
        "whose host asks from outside",
    )

    @field_validator("address")
    @classmethod
    def _an_address(cls, value: str) -> str:
        try:
            return str(ip_address(value))
        except ValueError as error:
            raise PydanticCustomError("address", "is no IP address") from error
