"""Settings: what an administrator must say, and a clear word for everything that is missing or wrong, all at once.

Sources, strongest first: environment variables with the prefix ``PSA_CONNECTOR_`` and ``__`` between the levels, a
``.env`` file, a TOML file. Secrets never appear in a message.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from connector.auth import PUBLIC_CLOUD
from connector.dataverse.transport import is_loopback
from service.connection_string import NEEDED, is_namespace, parts_of

PREFIX = "PSA_CONNECTOR_"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)


def _section() -> Any:
    """A section that was left out is checked like an empty one, so that each of its values is named."""
    return Field(default={}, validate_default=True)


class DataverseSettings(_Section):
    """The environment, and who signs in: an application with its secret, or a fixed token for a local world."""

    url: str = Field(
        pattern=r"^https?://[^/\s]+/?$",
        description="the environment's address and nothing behind it, for example https://contoso.crm4.dynamics.com",
    )
    token: SecretStr | None = Field(default=None, description="a fixed bearer token, for a local sandbox only")
    tenant_id: str | None = Field(default=None, description="the Microsoft Entra tenant the application lives in")
    client_id: str | None = Field(default=None, description="the application (client) id of the app registration")
    client_secret: SecretStr | None = Field(default=None, description="a client secret of that app registration")
    authority: str = Field(
        default=PUBLIC_CLOUD, pattern=r"^https://[^\s]+$", description="the sign-in host of the cloud, with https"
    )

    @field_validator("token")
    @classmethod
    def _for_this_machine_only(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """A token that never changes is no sign-in: somewhere else it would be one that leaked and still works."""
        url = info.data.get("url")
        if value is not None and url is not None and not is_loopback(url):
            raise PydanticCustomError(
                "not_local",
                f"is set, but {url} is not on this machine; sign in there with TENANT_ID, CLIENT_ID and CLIENT_SECRET",
            )
        return value

    @field_validator("tenant_id", "client_id", "client_secret")
    @classmethod
    def _one_way_to_sign_in(cls, value: object, info: ValidationInfo) -> object:
        """Either a token or all three; ``token`` comes first among the fields, so it is known here, or wrong."""
        if "token" in info.data and info.data["token"] is None and value is None:
            raise PydanticCustomError("missing", "is missing")
        if info.data.get("token") is not None and value is not None:
            raise PydanticCustomError("two_ways", "is set beside a fixed token; keep one of the two")
        return value


class ServiceBusSettings(_Section):
    """The namespace, its queues, and the key that Dataverse gets."""

    connection_string: SecretStr = Field(
        description="the namespace's connection string, with a policy that may listen and send; "
        "it begins with Endpoint=sb://"
    )
    event_sender: SecretStr | None = Field(
        default=None,
        description="a connection string whose policy may only send to the approvals queue; "
        "`register` hands it to Dataverse",
    )
    approvals_queue: str = Field(
        default="approvals", min_length=1, description="the name of the queue Dataverse posts to"
    )
    commands_queue: str = Field(
        default="commands", min_length=1, description="the name of the queue commands are sent to"
    )

    @field_validator("connection_string", "event_sender")
    @classmethod
    def _looks_like_one(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        parts = parts_of(value.get_secret_value())
        if not all(parts.get(name) for name in NEEDED):
            raise PydanticCustomError(
                "connection_string", "is no connection string with Endpoint, SharedAccessKeyName and SharedAccessKey"
            )
        if not is_namespace(parts["endpoint"]):
            raise PydanticCustomError("endpoint", "is a connection string whose Endpoint does not read sb://host")
        return value


class ActualsSettings(_Section):
    """Who creates actuals, from when on, and what happens to a price of zero."""

    creator: Literal["service"] = Field(
        description="who creates actuals in this environment: `service` if this service is to, "
        "with the product's own creation switched off"
    )
    start_from: date = Field(
        description="the go-live date, for example 2026-01-01: nothing approved before it is ever written"
    )
    zero_price: Literal["hold", "write"] = Field(
        default="hold",
        description="an entry whose price is zero: `hold` puts it before a person, `write` writes zero amounts",
    )

    @field_validator("creator", mode="before")
    @classmethod
    def _only_the_service(cls, value: object) -> object:
        if value == "product":
            raise PydanticCustomError(
                "not_available",
                "is `product`, which this version does not offer: "
                "verifying the actuals that the product creates comes later",
            )
        return value


class WorkerSettings(_Section):
    """How much is done at once."""

    approvals: int = Field(default=2, ge=1, le=16, description="receivers on the approvals queue, 1 to 16")
    commands: int = Field(default=1, ge=1, le=16, description="receivers on the commands queue, 1 to 16")
    batch: int = Field(default=100, ge=1, le=500, description="the most messages taken together, 1 to 500")


class Settings(_Section):
    """Everything the service is told."""

    dataverse: DataverseSettings = _section()
    servicebus: ServiceBusSettings = _section()
    organization_id: UUID | None = Field(
        default=None, description="the only organization whose events are acted on; left out, any is"
    )
    actuals: ActualsSettings = _section()
    business_time_zone: ZoneInfo = Field(
        description="the IANA name of the time zone business dates are meant in, for example Europe/Berlin"
    )
    workers: WorkerSettings = _section()

    @field_validator("business_time_zone", mode="before")
    @classmethod
    def _a_known_zone(cls, value: object) -> object:
        if isinstance(value, ZoneInfo):
            return value
        try:
            return ZoneInfo(cast(str, value))
        except (KeyError, ValueError, TypeError, OSError) as error:
            # A directory of the time zone database ("Europe") is an OSError, an unknown name a KeyError.
            raise PydanticCustomError("time_zone", "is no time zone name") from error
