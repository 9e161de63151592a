"""Settings: what an administrator must say, and a clear word for everything that is missing or wrong, all at once.

Sources, strongest first: environment variables with the prefix ``PSA_CONNECTOR_`` and ``__`` between the levels, a
``.env`` file, a TOML file. Secrets never appear in a message.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from mappings.days import OUTSIDE, may_be_asked
from service.ceiling_settings import WriteCeilingSettings
from service.dataverse_settings import DataverseSettings as DataverseSettings
from service.due_settings import DueSettings
from service.health_settings import HealthSettings
from service.invoice_settings import InvoicesSettings
from service.servicebus_settings import ServiceBusSettings as ServiceBusSettings
from service.settings_values import amounts, names, zone, zones
from service.status.silence_settings import SilenceSettings
from service.telemetry_settings import LogsSettings, TelemetrySettings

PREFIX = "PSA_CONNECTOR_"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)


def _section() -> Any:
    """A section that was left out is checked like an empty one, so that each of its values is named."""
    return Field(default={}, validate_default=True)


class ActualsSettings(_Section):
    """Who creates actuals, from when on, and how."""

    creator: Literal["service", "product"] = Field(
        description="who creates actuals in this environment: `service` if this service is to, with the product's own "
        "creation switched off; `product` if approval makes the product create them, and this service verifies",
    )
    start_from: date | None = Field(
        default=None,
        description="the go-live date, for example 2026-01-01: nothing approved before it is ever written; "
        "needed where the creator is `service`",
    )
    zero_price: Literal["hold", "write"] = Field(
        default="hold",
        description="an entry whose price is zero: `hold` puts it before a person, `write` writes zero amounts",
    )
    grace: int | None = Field(
        default=None,
        ge=0,
        le=1440,
        description="minutes the product gets to create the actuals of an approval before they are verified (15 unless "
        "set, at least 1), or before this service writes them (2 unless set), 0 to 1440",
    )
    second_look: int = Field(
        default=15,
        ge=1,
        le=1440,
        description="minutes after a write until the service looks once more for rows that the product made all the "
        "same, 1 to 1440",
    )
    owner: Literal["project", "entry", "service"] = Field(
        default="project",
        description="who owns an actual: the owner of its `project`, the owner of its `entry`, or the `service` itself",
    )
    inter_organizational: Literal["time-and-material", "always"] = Field(
        default="time-and-material",
        description="when time of another unit's resource gets resourcing unit cost and inter-organizational sales: "
        "`time-and-material` where it is billed so, or `always`",
    )

    @property
    def patience(self) -> timedelta:
        """The grace that was set, or the one that suits the creator."""
        minutes = 15 if self.creator == "product" else 2
        return timedelta(minutes=minutes if self.grace is None else self.grace)

    @field_validator("grace")
    @classmethod
    def _leaves_the_product_time(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value == 0 and info.data.get("creator") == "product":
            raise PydanticCustomError("no_grace", "is no time at all for the product to create what is then verified")
        return value

    @field_validator("start_from")
    @classmethod
    def _needed_to_create(cls, value: date | None, info: ValidationInfo) -> date | None:
        """Without a creator it is named as well: who is told of everything at once need not come back."""
        if value is None and info.data.get("creator") != "product":
            raise PydanticCustomError("missing", "is missing")
        if value is not None and not may_be_asked(value):
            raise PydanticCustomError("date_outside", OUTSIDE)
        return value


class CeilingSettings(_Section):
    """How much may be written at once without a person saying so."""

    rows: int = Field(
        default=250,
        ge=0,
        description="the most entries a repair, or rows a command to mark or to invoice, may touch before a person has "
        "to say --yes (in a message: confirmed), 0 or more",
    )
    amount: Annotated[Decimal | dict[str, Decimal], NoDecode] = Field(
        default=Decimal(100000),
        description="the largest sum a repair, or a command to mark or to invoice, may move before a person has to say "
        'so: one number for every currency, or one each, for example {"USD": 50000, "JPY": 5000000}; a currency left '
        "out has none",
    )

    @field_validator("amount", mode="before")
    @classmethod
    def _one_or_one_each(cls, value: object) -> object:
        return amounts(value)

    def amount_in(self, currency: str) -> Decimal:
        """The ceiling of a currency, by its ISO code."""
        if isinstance(self.amount, Decimal):
            return self.amount
        return self.amount.get(currency.upper(), Decimal(0))


class ReconcileSettings(_Section):
    """How `reconcile` looks for what no event told."""

    overlap: int = Field(
        default=60,
        ge=1,
        le=10080,
        description="minutes by which a window of `reconcile` reaches back into the one before, 1 to 10080",
    )
    in_flight: int = Field(
        default=15,
        ge=0,
        le=1440,
        description="minutes that a change counts as still in flight and is not reported, 0 to 1440",
    )


class CommandsSettings(_Section):
    """For whom commands that come as messages are carried out, and who may give them."""

    acting: Literal["user", "service"] = Field(
        default="user",
        description="in whose name a command sent as a message writes: the `user` who asks, with their rights, or the "
        "`service` itself",
    )
    allowed: Annotated[list[str], NoDecode] = Field(
        default=[],
        description="the only people who may ask, by Entra object id, user name or mail, for example "
        '["anna@contoso.com"]; empty, anybody; needed where the service acts itself',
    )

    @field_validator("allowed", mode="before")
    @classmethod
    def _names(cls, value: object, info: ValidationInfo) -> list[str]:
        read = names(value)
        if not read and info.data.get("acting") == "service":
            raise PydanticCustomError("missing", "is missing")
        return read


class WorkerSettings(_Section):
    """How much is done at once."""

    approvals: int = Field(default=8, ge=1, le=16, description="receivers on the approvals queue, 1 to 16")
    commands: int = Field(default=1, ge=1, le=16, description="receivers on the commands queue, 1 to 16")
    batch: int = Field(default=100, ge=1, le=500, description="the most messages taken together, 1 to 500")
    replicas: int = Field(
        default=1,
        ge=1,
        le=32,
        description="the most processes of this service that ever run at once as the same user, 1 to 32: each takes "
        "its share of what Dataverse grants that user",
    )
    drain: int = Field(
        default=20,
        ge=1,
        le=540,
        description="seconds that what is at work has to end once the service is asked to stop, 1 to 540; what takes "
        "longer is given back, and a call for an invoice is looked up afterwards. Whoever ends the process has to wait "
        "half as long again, and ten seconds more",
    )


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
    unit_time_zones: Annotated[dict[UUID, ZoneInfo], NoDecode] = Field(
        default={},
        description="organizational units whose business dates are meant in another zone: the unit's id and an IANA "
        'name each, for example {"3b1c7f6e-0000-4000-8000-000000000001": "Asia/Tokyo"}',
    )
    profile: Path | None = Field(
        default=None,
        description="a TOML file with columns of your own to be carried onto actuals, and names that differ in your "
        "environment",
    )
    ceiling: CeilingSettings = _section()
    write_ceiling: WriteCeilingSettings = _section()
    commands: CommandsSettings = _section()
    reconcile: ReconcileSettings = _section()
    invoices: InvoicesSettings = _section()
    due: DueSettings = _section()
    workers: WorkerSettings = _section()
    health: HealthSettings = _section()
    silence: SilenceSettings = _section()
    telemetry: TelemetrySettings = _section()
    logs: LogsSettings = _section()

    @field_validator("business_time_zone", mode="before")
    @classmethod
    def _a_known_zone(cls, value: object) -> ZoneInfo:
        return zone(value)

    @field_validator("unit_time_zones", mode="before")
    @classmethod
    def _a_known_zone_each(cls, value: object) -> dict[UUID, ZoneInfo]:
        return zones(value)
