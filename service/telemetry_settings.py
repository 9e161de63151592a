"""The settings of logs and telemetry: in which form, and to whom."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

NEEDED = ("instrumentationkey", "ingestionendpoint")


class LogsSettings(BaseModel):
    """How logs are written."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    format: Literal["console", "json"] | None = Field(
        default=None,
        description="`console` for people or `json` for programs, one object a line; left out, `console` on a terminal "
        "and `json` elsewhere",
    )


class TelemetrySettings(BaseModel):
    """Who is told what the service does."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    exporter: Literal["none", "otlp", "azure-monitor", "console"] = Field(
        default="none",
        description="where traces and metrics go: `none`; `otlp`, to where the standard OTEL_EXPORTER_OTLP_* variables "
        "say; `azure-monitor`; or `console`, as text on stderr",
    )
    connection_string: SecretStr | None = Field(
        default=None,
        description="the connection string of the Application Insights resource, with InstrumentationKey and "
        "IngestionEndpoint, for `azure-monitor`; left out, that in APPLICATIONINSIGHTS_CONNECTION_STRING",
    )

    @field_validator("connection_string")
    @classmethod
    def _looks_like_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            pairs = (pair.partition("=") for pair in value.get_secret_value().split(";"))
            given = {name.strip().lower() for name, _, said in pairs if said.strip()}
            if not given.issuperset(NEEDED):
                raise PydanticCustomError(
                    "connection_string", "is no connection string with InstrumentationKey and IngestionEndpoint"
                )
        return value
