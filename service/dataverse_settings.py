"""The settings of Dataverse: the environment, its cloud, and who signs in there and to Service Bus."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from connector.dataverse.transport import is_loopback
from connector.sign_in.clouds import CLOUDS, Cloud

REGISTRATION = ("tenant_id", "client_id")
NEEDS = {
    "client-secret": (*REGISTRATION, "client_secret"),
    "certificate": (*REGISTRATION, "certificate"),
    "managed-identity": (),
    "workload-identity": (*REGISTRATION, "federated_token_file"),
    "interactive": REGISTRATION,
    "device-code": REGISTRATION,
}
"""By the way to sign in: what it can't do without."""
MAY_USE = {
    "client-secret": ("client_secret_file",),
    "certificate": ("certificate_password",),
    "managed-identity": ("client_id",),
    "interactive": ("token_cache",),
    "device-code": ("token_cache",),
}
INJECTED = {
    "tenant_id": "AZURE_TENANT_ID",
    "client_id": "AZURE_CLIENT_ID",
    "federated_token_file": "AZURE_FEDERATED_TOKEN_FILE",
}
"""What Azure's webhook for workload identities puts into a pod."""
PEOPLE = frozenset({"interactive", "device-code"})


class DataverseSettings(BaseModel):
    """The environment, and who signs in; a fixed token does for a local world only."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)

    cloud: Literal["public", "us-government", "china"] = Field(
        default="public",
        description="the cloud the environment and the namespace are in: `public` (GCC too), `us-government` (GCC High "
        "and DoD) or `china`",
    )
    url: str = Field(
        pattern=r"^https?://[^/\s]+/?$",
        description="the environment's address and nothing behind it, for example https://contoso.crm4.dynamics.com",
    )
    servers: Literal["all", "one"] = Field(
        default="all",
        description="whether requests are spread over `all` web servers of the environment, each of which grants a "
        "budget of its own, or stay with `one`, by its affinity cookie",
    )
    bulk_messages: Literal["auto", "off"] = Field(
        default="auto",
        description="whether new rows of several entries may go in one bulk message (CreateMultiple): `auto` where "
        "the tables take it and it proves quicker, `off` never",
    )
    token: SecretStr | None = Field(default=None, description="a fixed bearer token, for a local sandbox only")
    sign_in: Literal[
        "client-secret", "certificate", "managed-identity", "workload-identity", "interactive", "device-code"
    ] = Field(
        default="client-secret",
        description="how to sign in: `client-secret`, `certificate`, `managed-identity` or `workload-identity`; for a "
        "person at the command line, `interactive` or `device-code`",
    )
    tenant_id: str | None = Field(
        default=None, description="the Microsoft Entra tenant the application lives in, by id or domain"
    )
    client_id: str | None = Field(
        default=None,
        description="the application (client) id of the app registration, or the client id of a user-assigned managed "
        "identity",
    )
    client_secret_file: Path | None = Field(
        default=None, description="a file that holds a client secret, read again whenever the token is renewed"
    )
    client_secret: SecretStr | None = Field(
        default=None, description="a client secret of that app registration; or its file in CLIENT_SECRET_FILE"
    )
    certificate: Path | None = Field(
        default=None, description="a PEM or PFX file with a certificate of that app registration and its private key"
    )
    certificate_password: SecretStr | None = Field(default=None, description="the password of that file, if it has one")
    federated_token_file: Path | None = Field(
        default=None, description="the token file that the platform renews, as in Kubernetes"
    )
    token_cache: Path | None = Field(
        default=None, description="a file that remembers the person who signed in; left out, nothing does"
    )

    @property
    def known_cloud(self) -> Cloud:
        """The cloud with its hosts."""
        return CLOUDS[self.cloud]

    @property
    def by_person(self) -> bool:
        """Whether somebody has to be asked to sign in."""
        return self.token is None and self.sign_in in PEOPLE

    @field_validator("url")
    @classmethod
    def _in_the_cloud(cls, value: str, info: ValidationInfo) -> str:
        """A token is asked for by the address: one of another cloud, or of nobody, must not get as far."""
        cloud = CLOUDS.get(info.data.get("cloud", ""))
        if cloud is None or is_loopback(value) or cloud.has_dataverse(value):
            return value
        other = next((one.name for one in CLOUDS.values() if one.has_dataverse(value)), None)
        raise PydanticCustomError(
            "other_cloud",
            "is no address in the cloud {cloud}: environments there end in {hosts}{hint}",
            {
                "cloud": cloud.name,
                "hosts": " or ".join(cloud.dataverse),
                "hint": "" if other is None else f"; set PSA_CONNECTOR_DATAVERSE__CLOUD={other}",
            },
        )

    @field_validator("token")
    @classmethod
    def _for_this_machine_only(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """A token that never changes is no sign-in: somewhere else it would be one that leaked and still works."""
        url = info.data.get("url")
        if value is not None and url is not None and not is_loopback(url):
            raise PydanticCustomError(
                "not_local", "is set, but {url} is not on this machine; sign in there (SIGN_IN)", {"url": url}
            )
        return value

    @field_validator(
        "tenant_id",
        "client_id",
        "client_secret_file",
        "client_secret",
        "certificate",
        "certificate_password",
        "federated_token_file",
        "token_cache",
    )
    @classmethod
    def _one_way_to_sign_in(cls, value: object, info: ValidationInfo) -> object:
        """Either a token, or all that one way needs; both come first among the fields: known here, or wrong."""
        name = info.field_name or ""
        if "token" not in info.data or "sign_in" not in info.data:
            return value
        if info.data["token"] is not None:
            if value is not None:
                raise PydanticCustomError("two_ways", "is set beside a fixed token; keep one of the two")
            return value
        way = info.data["sign_in"]
        if value is not None and name not in (*NEEDS[way], *MAY_USE.get(way, ())):
            raise PydanticCustomError("not_used", "is set, but not used where SIGN_IN is {way}", {"way": way})
        if name == "client_secret" and info.data.get("client_secret_file") is not None:
            if value is not None:
                raise PydanticCustomError("two_ways", "is set beside CLIENT_SECRET_FILE; keep one of the two")
            return value
        if value is None and name in NEEDS[way]:
            return _injected(way, name)
        return value


def _injected(way: str, name: str) -> object:
    """What the platform says where the settings do not."""
    found = os.environ.get(INJECTED[name]) if way == "workload-identity" else None
    if not found:
        raise PydanticCustomError("missing", "is missing")
    return Path(found) if name == "federated_token_file" else found
