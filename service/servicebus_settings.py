"""The settings of Service Bus: how the namespace is reached, and its queues."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from connector.sign_in.clouds import CLOUDS
from service.connection_string import NEEDED, is_namespace, parts_of
from service.settings_values import names


class ServiceBusSettings(BaseModel):
    """The namespace or, with one of its own for approvals, the two; their queues, and the key that Dataverse gets."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    namespace: str | None = Field(
        default=None,
        description="the namespace's full name, for example contoso.servicebus.windows.net, where who signs in to "
        "Dataverse signs in there too",
    )
    connection_string: SecretStr | None = Field(
        default=None,
        description="the namespace's connection string, with a policy that may listen and send; "
        "it begins with Endpoint=sb://; or leave it out and set NAMESPACE beside it",
    )
    approvals_namespace: str | None = Field(
        default=None,
        description="the full name of another namespace that holds the approvals queue, signed in to as NAMESPACE is; "
        "left out, every queue is in one",
    )
    approvals_connection_string: SecretStr | None = Field(
        default=None,
        description="the connection string of another namespace that holds the approvals queue, with a policy that may "
        "listen and send; or set APPROVALS_NAMESPACE beside it",
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
    replies_queue: str | None = Field(
        default=None,
        min_length=1,
        description="the name of the queue that is told what came of a command whose message names none; left out, "
        "nobody is",
    )
    reply_queues: Annotated[list[str], NoDecode] = Field(
        default=[],
        description='the queues a command\'s message may name in its ReplyTo, for example ["flow-replies"]',
    )

    events: str | None = Field(default=None, min_length=1, description="the queue or topic told of invoices, if any")

    @field_validator("reply_queues", mode="before")
    @classmethod
    def _queues(cls, value: object) -> list[str]:
        return names(value)

    @field_validator("namespace", "approvals_namespace")
    @classmethod
    def _a_host_of_service_bus(cls, value: str | None) -> str | None:
        """A host and nothing else; whether it is in the cloud of the environment is looked at when both are known."""
        if value is None:
            return None
        host = value.strip().lower()
        known = any(cloud.has_servicebus(host) for cloud in CLOUDS.values())
        if not known or not host.partition(".")[0].replace("-", "").isalnum():
            raise PydanticCustomError("namespace", "is no full name of a namespace")
        return host

    @field_validator("connection_string")
    @classmethod
    def _one_way(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Either a connection string or a namespace; ``namespace`` comes first, so it is known here, or wrong."""
        if value is not None and info.data.get("namespace") is not None:
            raise PydanticCustomError("two_ways", "is set beside a namespace; keep one of the two")
        if value is None and "namespace" in info.data and info.data["namespace"] is None:
            raise PydanticCustomError("missing", "is missing")
        return value

    @field_validator("approvals_namespace")
    @classmethod
    def _signed_in_to_as_the_other(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Who signs in to one namespace signs in to both; ``namespace`` is known here, or wrong."""
        if value is not None and "namespace" in info.data and info.data["namespace"] is None:
            raise PydanticCustomError("no_namespace", "is set without NAMESPACE, whose sign-in it shares")
        return value

    @field_validator("approvals_connection_string")
    @classmethod
    def _one_way_to_approvals(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Either a connection string or a namespace, here too."""
        if value is not None and info.data.get("approvals_namespace") is not None:
            raise PydanticCustomError("two_ways", "is set beside a namespace; keep one of the two")
        return value

    @field_validator("connection_string", "approvals_connection_string", "event_sender")
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
